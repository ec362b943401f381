"""Truths about the records that trackers mirror: nothing is lost, renamed or made up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.trackers._results import Point, Replicate, digest_of, finished
from tests.trackers.made_up import BOUND, COSTS, EPOCHS, bound

VAE = "NA/held_out_cells/1/10"
NMF = "NA/held_out_cells/1/nmf"


def test_there_is_a_record_for_every_seed_of_every_run(replicates: dict[str, Replicate]) -> None:
    assert list(replicates) == [f"{VAE}/0", f"{VAE}/1", f"{NMF}/0", f"{NMF}/1"]


def test_names_are_text_and_numbers_are_numbers(replicates: dict[str, Replicate]) -> None:
    assert replicates[f"{VAE}/0"].tags == {
        "dataset": "NA", "task": "held_out_cells", "split": 1, "run": "10", "model": "nbvae",
        "kind": "models", "role": "competitor", "seed": 0,
    }  # fmt: skip


def test_a_run_has_its_own_parameters_only(replicates: dict[str, Replicate]) -> None:
    assert replicates[f"{NMF}/1"].parameters == {"rank": 0.5}
    found = replicates[f"{VAE}/1"].parameters
    assert found == {"n_latent": 3, "likelihood": "nb", "hidden": "[16, 4]"}
    # Beside a run that has none, a table keeps whole numbers as fractions.
    assert isinstance(found["n_latent"], int)


def test_scores_are_those_of_the_seed_to_the_last_digit(replicates: dict[str, Replicate]) -> None:
    assert replicates[f"{VAE}/0"].scores == {"elbo": BOUND}
    assert replicates[f"{NMF}/1"].scores == {"rmse": 3.0}


def test_what_failed_is_a_record_too(replicates: dict[str, Replicate]) -> None:
    failed = replicates[f"{VAE}/1"]
    assert (failed.status, failed.reason) == ("diverged", "the loss was not a number at step 4")
    assert failed.scores == {}
    assert failed.costs == COSTS


def test_a_curve_is_in_the_order_of_its_steps(replicates: dict[str, Replicate]) -> None:
    points = replicates[f"{VAE}/0"].curve
    assert [point.step for point in points] == [4 * epoch for epoch in range(1, EPOCHS + 1)]
    assert points[1] == Point(
        step=8,
        epoch=2,
        values={
            "train/bound": bound(0, 2), "train/kl_z": 4.0,
            "validation/bound": bound(0, 2) - 0.5, "validation/kl_z": 4.0,
        },
    )  # fmt: skip
    assert len(replicates[f"{VAE}/1"].curve) == 1
    assert replicates[f"{NMF}/0"].curve == ()


def test_a_training_may_have_left_no_curve(new_study: Callable[..., Path]) -> None:
    folder = new_study()
    for path in (folder / "runs" / VAE).glob("*/curve.parquet"):
        path.unlink()
    assert all(one.curve == () for one in finished(folder).replicates())


@pytest.mark.parametrize(("elbo", "same"), [(BOUND, True), (BOUND + 1e-12, False)])
def test_a_digest_follows_the_content(
    new_study: Callable[..., Path], replicates: dict[str, Replicate], elbo: float, same: bool
) -> None:
    again = next(finished(new_study(elbo=elbo)).replicates())
    before = digest_of("made_up", replicates[f"{VAE}/0"])
    assert (digest_of("made_up", again) == before) is same
    assert digest_of("another", again) != before


def test_no_two_replicates_have_the_same_digest(replicates: dict[str, Replicate]) -> None:
    assert len({digest_of("made_up", one) for one in replicates.values()}) == len(replicates)


@pytest.mark.parametrize("name", ["search.csv", "differences.csv"])
def test_a_table_that_not_every_study_has_is_among_the_files_where_there_is_one(
    new_study: Callable[..., Path], name: str
) -> None:
    folder = new_study()
    before = {path.name for path in finished(folder).files}
    (folder / name).write_text("run\n")
    assert {path.name for path in finished(folder).files} - before == {name}
