"""Differences to a reference: figures of a table in which they were written down here."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.rows import DIFFERENCES, SEARCH
from bench.reports import differences
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.differences import table as differences_table
from bench.results.statistics import difference
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
Compared = Callable[..., Results]
MEANS = {
    "good": ("models", "nbvae", "competitor", 0.8, 0.01),
    "known": ("models", "pvae", "competitor", 0.5, 0.02),
    "rank_one": ("baselines", "rank_one", "competitor", 0.3, 0.0),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
}
THINNED, MASKED = "heldout_poisson_loglik", "imputation_loss"


@pytest.fixture
def compared(study_folder: StudyFolder) -> Compared:
    """A study that compares with a reference, gathered; ``lose`` drops rows of its scores."""

    def made(
        reference: str = "known", lose: Callable[[pd.DataFrame], pd.Series] | None = None
    ) -> Results:
        folder = study_folder(datasets=("thinning_example",), means=MEANS, without_truth=())
        provenance = json.loads((folder / "provenance.json").read_text())
        provenance["study"]["resolved"]["reference"] = reference
        (folder / "provenance.json").write_text(json.dumps(provenance))
        scores = pd.read_csv(folder / "scores.csv")
        # The importance-weighted bound: that of the reference and two nats, whatever the seed.
        bound = scores[(scores["metric"] == "elbo")].assign(metric="iwelbo")
        reference_bound = bound[bound["run"] == "known"].set_index(["task", "seed"])["value"]
        good = bound["run"] == "good"
        keys = bound.loc[good, ["task", "seed"]].itertuples(index=False, name=None)
        bound.loc[good, "value"] = [reference_bound[key] + 2 for key in keys]
        scores = pd.concat([scores, bound])
        (scores[~lose(scores)] if lose else scores).to_csv(folder / "scores.csv", index=False)
        metrics = pd.read_csv(folder / "metrics.csv")
        like = metrics[metrics["metric"] == "elbo"].assign(metric="iwelbo", label="IWELBO")
        pd.concat([metrics, like]).to_csv(folder / "metrics.csv", index=False)
        table = differences_table(read(folder), reference)
        table.to_csv(folder / "differences.csv", index=False)
        return read(folder)

    return made


def test_a_constant_difference_has_no_width(compared: Compared) -> None:
    table = compared().differences
    assert tuple(table.columns) == DIFFERENCES
    mine = table[(table["metric"] == "iwelbo") & (table["run"] == "good")]
    assert len(mine) == 2
    np.testing.assert_allclose(mine[["difference", "low", "high"]], 2.0)
    assert set(mine["n"]) == {5}
    assert set(table["reference"]) == {"known"}
    assert "known" not in set(table["run"])


def test_positive_is_better_whichever_way_the_metric_points(compared: Compared) -> None:
    results = compared()
    table = results.differences.set_index(["task", "metric", "run"])
    for task, metric, size in (("thinned_counts", THINNED, 0.5), ("masked_entries", MASKED, 0.7)):
        assert table.loc[(task, metric, "good"), "difference"] == pytest.approx(0.3 * size, abs=0.1)
        floor = table.loc[(task, metric, "mean")]
        assert floor["high"] < 0
        place = ("thinning_example", task)
        ours, theirs = (results.values[(*place, run, metric)] for run in ("mean", "known"))
        wanted = difference(ours, theirs, results.better(metric))
        found = floor[["difference", "low", "high", "n"]].tolist()
        assert found == [wanted.mean, wanted.low, wanted.high, wanted.n]


def test_sound_metrics_only_the_bound_first_then_what_ranks(compared: Compared) -> None:
    results = compared()
    table = results.differences
    assert "imputation_loss.as_published" not in set(table["metric"])
    masked, thinned = differences.panels(results, leaderboards(results))
    assert [m["metric"] for m in masked.metrics] == ["iwelbo", MASKED, "elbo"]
    assert [m["metric"] for m in thinned.metrics] == ["iwelbo", THINNED, "elbo"]
    # Baselines have no bound: a hole, never a zero.
    by_run = {row.run: found for row, found in thinned.rows}
    assert list(by_run) == ["good", "rank_one", "mean"]
    assert by_run["rank_one"][0] is None
    assert by_run["rank_one"][1].verdict == "worse"


def test_pairs_are_the_seeds_that_both_have(compared: Compared) -> None:
    results = compared(lose=lambda s: (s["run"] == "good") & (s["seed"] > 2))
    table = results.differences
    assert set(table.loc[table["run"] == "good", "n"]) == {2}
    assert set(table.loc[table["run"] == "mean", "n"]) == {5}
    assert "n 2/5" in compose(results)


def test_a_reference_without_a_score_is_said_to_have_none(compared: Compared) -> None:
    results = compared(lose=lambda s: (s["run"] == "known") & (s["task"] == "masked_entries"))
    assert set(results.differences["task"]) == {"thinned_counts"}
    masked, thinned = differences.panels(results, leaderboards(results))
    assert masked.rows == []
    assert thinned.rows
    assert "known has no score here that another run has too" in compose(results)


def test_of_a_search_the_selected_trial_is_the_reference(study_folder: StudyFolder) -> None:
    means = {
        f"tuned.trial-0{k}": ("models", "nbvae", "competitor", 0.1 * k, 0.0) for k in (1, 2, 3)
    } | {"mean": ("baselines", "mean", "floor", 0.0, 0.0)}
    folder = study_folder(tasks=("thinned_counts",), means=means, without_truth=())
    selected = {"thinning_example": 2, "pbmc68k_reduced": 3}
    place = ("thinned_counts", "elbo", "higher")
    rows = [
        ("tuned", data, *place, k, 1, f"tuned.trial-0{k}", "ok", "", 0.0, k == chosen)
        for data, chosen in selected.items()
        for k in (1, 2, 3)
    ]
    pd.DataFrame(rows, columns=list(SEARCH)).to_csv(folder / "search.csv", index=False)
    table = differences_table(read(folder), "tuned").set_index(["dataset", "metric", "run"])
    assert set(table["reference"]) == {"tuned"}
    # Trials that were not selected compete with nobody.
    assert {run for *_, run in table.index} == {"mean"}
    for data, chosen in selected.items():
        found = table.loc[(data, THINNED, "mean"), "difference"]
        np.testing.assert_allclose(found, -0.5 * 0.1 * chosen)


def test_the_section_is_there_where_a_reference_is_named(
    compared: Compared, study_folder: StudyFolder
) -> None:
    page = compose(compared())
    assert 'id="differences"' in page
    assert page.count('href="#differences"') == 1
    assert "Differences to the reference" in page
    assert "Every run against known, which the study names as its reference" in page
    assert ">nan<" not in page
    specs = [panel.spec for panel in differences.panels(compared(), leaderboards(compared()))]
    for spec in specs:
        assert spec is not None
        assert spec["config"]["background"] == "transparent"
    plain = compose(read(study_folder()))
    assert "#differences" not in plain.partition("<script")[0]
