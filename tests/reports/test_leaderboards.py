"""Leaderboards, verdicts, ranks and figures of a made-up study whose order is known."""

from collections.abc import Callable
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.reports import answer, figures
from bench.reports.comparisons import average_ranks, contest
from bench.reports.curves import MOST_POINTS, MOST_ROWS, chosen, panels, thinned
from bench.reports.standings import Board, Standing, boards
from bench.results.tables import Results, read
from tests.reports.conftest import MEANS

StudyFolder = Callable[..., Path]


def board_of(results: Results, task: str, dataset: str) -> Board:
    return next(b for b in boards(results) if (b.task, b.dataset) == (task, dataset))


def standing_of(board: Board, run: str) -> Standing:
    return next(standing for standing in board.standings if standing.run == run)


@pytest.fixture
def results(study_folder: StudyFolder) -> Results:
    return read(study_folder())


@pytest.mark.parametrize("task", ["thinned_counts", "masked_entries"])
def test_competitors_are_in_order_whichever_way_the_metric_points(
    results: Results, task: str
) -> None:
    board = board_of(results, task, "thinning_example")
    order = [s.run for s in board.competitors]
    assert order[2:] == ["nbvae.n_latent-3", "nmf.rank-10", "rank_one", "pvae", "pca"]
    assert [s.rank for s in board.competitors] == list(range(1, 8))
    assert board.standings[0].run == "oracle"
    assert board.standings[-1].run == "mean"


def test_controls_are_exactly_zero_and_one_and_have_no_rank(results: Results) -> None:
    for task in results.ranked_by:
        board = board_of(results, task, "thinning_example")
        floor, ceiling = standing_of(board, "mean"), standing_of(board, "oracle")
        assert (floor.scaled, ceiling.scaled) == (0.0, 1.0)
        assert floor.rank is ceiling.rank is None
        assert standing_of(board, "rank_one").scaled == pytest.approx(0.70)


def test_nothing_is_scaled_without_a_ceiling(results: Results) -> None:
    board = board_of(results, "masked_entries", "pbmc68k_reduced")
    assert board.ceiling is None
    assert all(isnan(standing.scaled) for standing in board.standings)


def test_scaling_does_not_depend_on_who_else_is_there(study_folder: StudyFolder) -> None:
    folder = study_folder()
    before = board_of(read(folder), "thinned_counts", "thinning_example")
    plan = pd.read_csv(folder / "plan.csv")
    plan[plan["model"] != "nbvae"].to_csv(folder / "plan.csv", index=False)
    after = board_of(read(folder), "thinned_counts", "thinning_example")
    assert standing_of(after, "pca").scaled == standing_of(before, "pca").scaled


def test_integration_is_scaled_between_its_two_one_hots(study_folder: StudyFolder) -> None:
    """Of several floors and ceilings the same two are taken, wherever the others lie."""
    controls = {
        "a_floor": ("baselines", "shuffled", "floor", 0.3, 0.0),
        "floor": ("baselines", "batch_onehot", "floor", 0.0, 0.0),
        "a_ceiling": ("baselines", "shuffled_within_type", "ceiling", 0.7, 0.0),
        "ceiling": ("baselines", "cell_type_onehot", "ceiling", 1.0, 0.0),
    }
    competing = {run: row for run, row in MEANS.items() if row[2] == "competitor"}
    board = boards(read(study_folder(means=competing | controls)))[0]
    assert board.floor is not None
    assert board.ceiling is not None
    assert (board.floor.run, board.ceiling.run) == ("floor", "ceiling")


def test_controls_that_coincide_are_flagged(study_folder: StudyFolder) -> None:
    means = {
        "nbvae": ("models", "nbvae", "competitor", 0.50, 0.01),
        "mean": ("baselines", "mean", "floor", 0.500, 0.0),
        "oracle": ("baselines", "oracle", "ceiling", 0.505, 0.0),
    }
    coinciding = read(study_folder(means=means))
    assert not board_of(coinciding, "thinned_counts", "thinning_example").informative
    assert not board_of(coinciding, "masked_entries", "thinning_example").informative


def test_controls_that_differ_are_not_flagged(results: Results) -> None:
    assert all(board.informative for board in boards(results))


def test_a_failed_seed_lowers_n_and_says_so(study_folder: StudyFolder) -> None:
    results = read(
        study_folder(failing=lambda run, seed: "diverged" if (run, seed) == ("pvae", 2) else "ok")
    )
    standing = standing_of(board_of(results, "thinned_counts", "thinning_example"), "pvae")
    assert (standing.score.n, standing.planned, standing.trouble) == (4, 5, "1 diverged")


def test_a_run_without_any_record_is_still_there(study_folder: StudyFolder) -> None:
    folder = study_folder()
    for name in ("runs", "scores"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["run"] != "zinbvae"].to_csv(folder / f"{name}.csv", index=False)
    board = board_of(read(folder), "thinned_counts", "thinning_example")
    assert board.standings[-1].run == "zinbvae"
    assert standing_of(board, "zinbvae").trouble == "5 without a record"


def test_verdicts_of_vaes_against_baselines(results: Results) -> None:
    found = contest(board_of(results, "masked_entries", "thinning_example"))
    assert {baseline.run for baseline in found.baselines} == {"nmf.rank-10", "pca", "rank_one"}
    said = {key: match.difference.verdict for key, match in found.matches.items()}
    assert said["nbvae.n_latent-10", "nmf.rank-10"] == "better"
    assert said["pvae", "rank_one"] == "worse"
    assert said["pvae", "pca"] == "better"
    assert [vae.run for vae in found.passing(standing_of(found.board, "rank_one"))] == [
        vae.run for vae in found.vaes if vae.run != "pvae"
    ]
    # Five seeds: no p-value below 2/32, nor below it after correction.
    assert min(match.corrected for match in found.matches.values()) >= 2 / 32


def test_equal_models_tie(study_folder: StudyFolder) -> None:
    means = {
        "one": ("models", "nbvae", "competitor", 0.80, 0.05),
        "two": ("models", "nbvae", "competitor", 0.80, 0.05),
    }
    lead = answer.lead(
        board_of(read(study_folder(means=means)), "thinned_counts", "thinning_example")
    )
    assert lead.ahead is not None
    assert lead.ahead.verdict == "tie"
    assert len(lead.level) == 1


def test_ranks_are_averaged_over_datasets_and_a_failure_ranks_last(
    study_folder: StudyFolder,
) -> None:
    results = read(study_folder(failing=lambda run, seed: "failed" if run == "zinbvae" else "ok"))
    found = average_ranks([b for b in boards(results) if b.task == "thinned_counts"])
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
    board = board_of(read(study_folder(means=means)), "thinned_counts", "thinning_example")
    assert -1.25 < board.span[0] < board.span[1] < -0.75
    layers = figures.scores(board)["layer"]
    drawn = {row["run"]: row for row in layers[-1]["data"]["values"]}
    assert drawn["lost"]["note"] == "off the scale"
    assert drawn["lost"]["at"] == pytest.approx(board.span[0], rel=1e-5)


def test_the_front_of_cost_and_quality(results: Results) -> None:
    board = board_of(results, "masked_entries", "thinning_example")
    spec = figures.costs(board)
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
    found = panels(results, boards(results))
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
