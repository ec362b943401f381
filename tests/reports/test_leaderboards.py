"""Leaderboards, verdicts, ranks and figures of a made-up study whose order is known."""

from collections.abc import Callable
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.catalogue import card
from bench.core.errors import UserError
from bench.reports._comparisons import average_ranks, baseline_comparison
from bench.reports._leaderboards import Leaderboard, leaderboards
from bench.reports._rows import Row
from bench.reports.costs import cost_chart
from bench.reports.curves import MOST_POINTS, MOST_ROWS, chosen, panels, thinned
from bench.reports.scores import score_chart
from bench.reports.summary import leading_run
from bench.results.tables import Results, read
from tests.reports.conftest import MEANS

StudyFolder = Callable[..., Path]


def leaderboard_of(results: Results, task: str, dataset: str) -> Leaderboard:
    return next(b for b in leaderboards(results) if (b.task, b.dataset) == (task, dataset))


def row_of(leaderboard: Leaderboard, run: str) -> Row:
    return next(row for row in leaderboard.rows if row.run == run)


@pytest.fixture
def results(study_folder: StudyFolder) -> Results:
    return read(study_folder())


@pytest.mark.parametrize("task", ["thinned_counts", "masked_entries"])
def test_competitors_are_in_order_whichever_way_the_metric_points(
    results: Results, task: str
) -> None:
    leaderboard = leaderboard_of(results, task, "thinning_example")
    order = [row.run for row in leaderboard.competitors]
    assert order[2:] == ["nbvae.n_latent-3", "nmf.rank-10", "rank_one", "pvae", "pca"]
    assert [row.rank for row in leaderboard.competitors] == list(range(1, 8))
    assert leaderboard.rows[0].run == "oracle"
    assert leaderboard.rows[-1].run == "mean"


def test_controls_are_exactly_zero_and_one_and_have_no_rank(results: Results) -> None:
    for task in results.ranked_by:
        leaderboard = leaderboard_of(results, task, "thinning_example")
        floor, ceiling = row_of(leaderboard, "mean"), row_of(leaderboard, "oracle")
        assert (floor.scaled, ceiling.scaled) == (0.0, 1.0)
        assert floor.rank is ceiling.rank is None
        assert row_of(leaderboard, "rank_one").scaled == pytest.approx(0.70)


def test_nothing_is_scaled_without_a_ceiling(results: Results) -> None:
    leaderboard = leaderboard_of(results, "masked_entries", "pbmc68k_reduced")
    assert leaderboard.ceiling is None
    assert all(isnan(row.scaled) for row in leaderboard.rows)


def test_scaling_does_not_depend_on_who_else_is_there(study_folder: StudyFolder) -> None:
    folder = study_folder()
    before = leaderboard_of(read(folder), "thinned_counts", "thinning_example")
    plan = pd.read_csv(folder / "plan.csv")
    plan[plan["model"] != "nbvae"].to_csv(folder / "plan.csv", index=False)
    after = leaderboard_of(read(folder), "thinned_counts", "thinning_example")
    assert row_of(after, "pca").scaled == row_of(before, "pca").scaled


def test_integration_is_scaled_between_its_two_one_hots(study_folder: StudyFolder) -> None:
    """Of several floors and ceilings the same two are taken, wherever the others lie."""
    controls = {
        "a_floor": ("baselines", "shuffled", "floor", 0.3, 0.0),
        "floor": ("baselines", "batch_onehot", "floor", 0.0, 0.0),
        "a_ceiling": ("baselines", "shuffled_within_type", "ceiling", 0.7, 0.0),
        "ceiling": ("baselines", "cell_type_onehot", "ceiling", 1.0, 0.0),
    }
    competing = {run: row for run, row in MEANS.items() if row[2] == "competitor"}
    folder = study_folder(
        means=competing | controls, controls=card("tasks", "integration").controls
    )
    leaderboard = leaderboards(read(folder))[0]
    assert leaderboard.floor is not None
    assert leaderboard.ceiling is not None
    assert (leaderboard.floor.run, leaderboard.ceiling.run) == ("floor", "ceiling")


def test_controls_that_coincide_are_flagged(study_folder: StudyFolder) -> None:
    means = {
        "nbvae": ("models", "nbvae", "competitor", 0.50, 0.01),
        "mean": ("baselines", "mean", "floor", 0.500, 0.0),
        "oracle": ("baselines", "oracle", "ceiling", 0.505, 0.0),
    }
    coinciding = read(study_folder(means=means))
    assert not leaderboard_of(coinciding, "thinned_counts", "thinning_example").informative
    assert not leaderboard_of(coinciding, "masked_entries", "thinning_example").informative


def test_controls_that_differ_are_not_flagged(results: Results) -> None:
    assert all(leaderboard.informative for leaderboard in leaderboards(results))


def test_a_failed_seed_lowers_n_and_says_so(study_folder: StudyFolder) -> None:
    results = read(
        study_folder(failing=lambda run, seed: "diverged" if (run, seed) == ("pvae", 2) else "ok")
    )
    row = row_of(leaderboard_of(results, "thinned_counts", "thinning_example"), "pvae")
    assert (row.score.n, row.planned, row.trouble) == (4, 5, "1 diverged")


def test_a_run_without_any_record_is_still_there(study_folder: StudyFolder) -> None:
    folder = study_folder()
    for name in ("runs", "scores"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["run"] != "zinbvae"].to_csv(folder / f"{name}.csv", index=False)
    leaderboard = leaderboard_of(read(folder), "thinned_counts", "thinning_example")
    assert leaderboard.rows[-1].run == "zinbvae"
    assert row_of(leaderboard, "zinbvae").trouble == "5 without a record"


def test_verdicts_of_vaes_against_baselines(results: Results) -> None:
    found = baseline_comparison(leaderboard_of(results, "masked_entries", "thinning_example"))
    assert {baseline.run for baseline in found.baselines} == {"nmf.rank-10", "pca", "rank_one"}
    said = {key: pair.difference.verdict for key, pair in found.pairs.items()}
    assert said["nbvae.n_latent-10", "nmf.rank-10"] == "better"
    assert said["pvae", "rank_one"] == "worse"
    assert said["pvae", "pca"] == "better"
    assert [vae.run for vae in found.better_than(row_of(found.leaderboard, "rank_one"))] == [
        vae.run for vae in found.vaes if vae.run != "pvae"
    ]
    # Five seeds: no p-value below 2/32, nor below it after correction.
    assert min(pair.corrected for pair in found.pairs.values()) >= 2 / 32


def test_equal_models_tie(study_folder: StudyFolder) -> None:
    means = {
        "one": ("models", "nbvae", "competitor", 0.80, 0.05),
        "two": ("models", "nbvae", "competitor", 0.80, 0.05),
    }
    lead = leading_run(
        leaderboard_of(read(study_folder(means=means)), "thinned_counts", "thinning_example")
    )
    assert lead.ahead is not None
    assert lead.ahead.verdict == "tie"
    assert len(lead.level) == 1


def test_ranks_are_averaged_over_datasets_and_a_failure_ranks_last(
    study_folder: StudyFolder,
) -> None:
    results = read(study_folder(failing=lambda run, seed: "failed" if run == "zinbvae" else "ok"))
    found = average_ranks([b for b in leaderboards(results) if b.task == "thinned_counts"])
    by_run = {row.run: row for row in found}
    assert by_run["nbvae.n_latent-10"].mean == 1.0
    assert by_run["zinbvae"].mean == 7.0
    assert by_run["zinbvae"].low == by_run["zinbvae"].high == 7.0
    assert all(row.low <= row.mean <= row.high for row in found)
    assert "mean" not in by_run


def test_what_lies_far_behind_does_not_stretch_the_axis(study_folder: StudyFolder) -> None:
    means = {
        "good": ("models", "nbvae", "competitor", 0.90, 0.01),
        "fair": ("models", "nbvae", "competitor", 0.85, 0.01),
        "okay": ("models", "nbvae", "competitor", 0.80, 0.01),
        "lost": ("models", "nbvae", "competitor", -500.0, 0.01),
    }
    leaderboard = leaderboard_of(
        read(study_folder(means=means)), "thinned_counts", "thinning_example"
    )
    assert -1.25 < leaderboard.span[0] < leaderboard.span[1] < -0.75
    layers = score_chart(leaderboard)["layer"]
    drawn = {row["run"]: row for row in layers[-1]["data"]["values"]}
    assert drawn["lost"]["note"] == "off the scale"
    assert drawn["lost"]["at"] == pytest.approx(leaderboard.span[0], rel=1e-5)


def test_the_front_of_cost_and_quality(results: Results) -> None:
    leaderboard = leaderboard_of(results, "masked_entries", "thinning_example")
    spec = cost_chart(leaderboard)
    assert spec is not None
    rows = spec["data"]["values"]
    for row in rows:
        cheaper = [other["at"] for other in rows if other["seconds"] < row["seconds"]]
        assert row["front"] == all(row["at"] < at for at in cheaper)


def test_thinned_curves_keep_their_ends_and_carry_stopped_seeds_on() -> None:
    epochs = np.arange(1, 1001)
    seeds = [
        pd.DataFrame({"epoch": e, "seed": seed, "part": "train", "term": "kl", "value": e * 1.0})
        for seed, e in ((1, epochs), (2, epochs[:500]))
    ]
    curve = pd.concat(seeds).assign(step=0)
    curve.loc[curve["epoch"] == 1000, "value"] = np.inf
    found = thinned(curve, 50)
    assert len(found) <= 50
    assert list(found["epoch"].iloc[[0, -1]]) == [1, 999]
    assert tuple(found.iloc[-1][["low", "mean", "high"]]) == (500.0, 749.5, 999.0)


def test_chosen_points_are_few_and_reach_both_ends() -> None:
    for n in (1, 2, 30, 1000):
        found = chosen(n, 30)
        assert len(found) <= 30
        assert (found[0], found[-1]) == (0, n - 1)
        assert found == sorted(set(found))


def test_a_panel_per_dataset_with_every_term(study_folder: StudyFolder) -> None:
    results = read(study_folder(n_epochs=60))
    found = panels(results, leaderboards(results))
    assert len(found) == 4
    assert list(found[0].terms) == ["bound", "kl_z", "reconstruction"]
    rows = sum(
        next(iter(spec["datasets"].values())).count("\n") - 1
        for panel in found
        for spec in panel.terms.values()
    )
    assert rows <= min(MOST_ROWS, 4 * 4 * 3 * 2 * MOST_POINTS)


def test_a_missing_column_is_a_readable_error(study_folder: StudyFolder) -> None:
    folder = study_folder()
    pd.read_csv(folder / "scores.csv").drop(columns="seed").to_csv(
        folder / "scores.csv", index=False
    )
    with pytest.raises(UserError, match=r"scores\.csv: seed"):
        read(folder)
    (folder / "runs.csv").unlink()
    with pytest.raises(UserError, match=r"is missing"):
        read(folder)
