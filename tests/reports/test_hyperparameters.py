"""What hyperparameters did: figures of a table whose effects were written down here."""

from collections.abc import Callable
from math import isnan, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway, spearmanr

from bench.reports import hyperparameters
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
TASK, DATASET = "thinned_counts", "thinning_example"
LATENT, RATE = {"3": 0.0, "10": 0.1, "30": 0.4}, {"fast": 0.0, "slow": 0.2}
SEEDS = np.array([-0.02, 0.0, 0.01, 0.01, 0.0])
GRID = {
    f"vae.n_latent-{n}.pace-{pace}": (n, pace, LATENT[n] + RATE[pace])
    for n in LATENT
    for pace in RATE
}


@pytest.fixture
def swept(study_folder: StudyFolder) -> Results:
    """A study of one additive sweep, an unswept model and the floor; seeds move all alike."""
    means = {run: ("models", "nbvae", "competitor", at, 0.0) for run, (_, _, at) in GRID.items()}
    means |= {"pvae": ("models", "pvae", "competitor", 0.3, 0.0)}
    means |= {"mean": ("baselines", "mean", "floor", 0.0, 0.0)}
    folder = study_folder(datasets=(DATASET,), tasks=(TASK,), means=means, without_truth=())
    plan = pd.read_csv(folder / "plan.csv")
    plan["n_latent"] = [GRID.get(run, ("7",))[0] for run in plan["run"]]
    plan["pace"] = [GRID.get(run, ("", "fast"))[1] for run in plan["run"]]
    plan["n_hidden"] = 128
    # Moves with the pace and is no second cause.
    plan["steps"] = plan["pace"].map({"fast": 10, "slow": 20})
    plan.to_csv(folder / "plan.csv", index=False)
    scores = pd.read_csv(folder / "scores.csv")
    size = np.where(scores["metric"] == "elbo", 100.0, 0.5)
    scores["value"] += size * SEEDS[scores["seed"] - 1]
    scores.to_csv(folder / "scores.csv", index=False)
    return read(folder)


def by_name(results: Results) -> dict[tuple[str, str], hyperparameters.HyperparameterEffect]:
    [panel] = hyperparameters.panels(results, leaderboards(results))
    return {(m.metric, e.sweep.parameter): e for m in panel.metrics for e in m.effects}


def test_marginal_means_of_an_additive_table(swept: Results) -> None:
    found = by_name(swept)
    metrics = ("heldout_poisson_loglik", "elbo")
    assert set(found) == {(m, p) for m in metrics for p in ("n_latent", "pace and steps")}
    latent = found["heldout_poisson_loglik", "n_latent"]
    assert list(latent.marginal) == [3.0, 10.0, 30.0]
    # On the axis from floor to ceiling the metric is 0.5 long; 0.1 is the mean of both paces.
    wanted = [-1.25 + 0.5 * (at + 0.1) for at in LATENT.values()]
    np.testing.assert_allclose([one.mean for one in latent.marginal.values()], wanted)
    np.testing.assert_allclose(latent.spread, 0.5 * 0.4)
    np.testing.assert_allclose(found["elbo", "pace and steps"].spread, 100 * 0.2)
    for one in latent.marginal.values():
        assert one.low < one.mean < one.high
        assert one.high - one.low < 0.5 * np.ptp(SEEDS)


def test_shares_are_those_of_an_analysis_of_variance(swept: Results) -> None:
    latent = by_name(swept)["elbo", "n_latent"]
    groups = [[100 * (LATENT[n] + RATE[pace]) for pace in RATE] for n in LATENT]
    f = f_oneway(*groups).statistic
    np.testing.assert_allclose(latent.share, 2 * f / (2 * f + 3))
    np.testing.assert_allclose(latent.by_chance, 2 / 5)
    # Additive and balanced: the main effects are all there is.
    np.testing.assert_allclose(latent.share + by_name(swept)["elbo", "pace and steps"].share, 1)


def test_the_spread_of_seeds_stands_beside(swept: Results) -> None:
    for (metric, _), effect in by_name(swept).items():
        size = 100 if metric == "elbo" else 0.5
        np.testing.assert_allclose(effect.seeds, size * SEEDS.std(ddof=1))
        np.testing.assert_allclose(effect.times, effect.spread / effect.seeds)
    [panel] = hyperparameters.panels(swept, leaderboards(swept))
    assert panel.model == "nbvae"
    assert panel.sentence == (
        "Hyperparameters move elbo by up to 40 nats per cell (n_latent; 32.7 times the spread over "
        "seeds), and heldout_poisson_loglik by up to 0.200 nats per entry (n_latent; 32.7 times "
        "the spread over seeds)."
    )


def test_a_run_that_failed_is_counted_and_pairs_are_kept(swept: Results) -> None:
    run = "vae.n_latent-30.pace-slow"
    lost = (swept.scores["run"] == run) & (swept.scores["seed"] > 2)
    found = by_name(_with(swept, scores=swept.scores[~lost]))
    value = found["elbo", "n_latent"].marginal[30.0]
    assert value.n == 2
    np.testing.assert_allclose(value.mean, -900 + 100 * (0.5 + SEEDS[:2].mean()))
    found = by_name(_with(swept, scores=swept.scores[swept.scores["run"] != run]))
    assert found["elbo", "n_latent"].n_runs == 5
    assert len(found["elbo", "n_latent"].sweep.runs) == 6


def test_a_searched_range_is_points_and_a_rank_correlation(swept: Results) -> None:
    rates = dict(zip(GRID, (0.001, 0.003, 0.002, 0.1, 0.05, 0.02), strict=True))
    names = {run: f"vae.trial-{k:02d}" for k, run in enumerate(GRID, start=1)}
    plan = swept.plan.drop(columns=["n_latent", "pace", "steps"])
    plan["learning_rate"] = plan["run"].map(rates).fillna(0.01)
    space = {"vae": {"variant": "nbvae", "learning_rate": {"low": 1e-3, "high": 0.1, "log": True}}}
    resolved = {**swept.provenance["study"]["resolved"], "search": space}
    tables = {
        "plan": plan.replace({"run": names}),
        "scores": swept.scores.replace({"run": names}),
        "runs": swept.runs.replace({"run": names}),
    }
    provenance = {**swept.provenance, "study": {"resolved": resolved}}
    searched = _with(swept, **tables, provenance=provenance)
    effect = by_name(searched)["elbo", "learning_rate"]
    # Trials differ in all that was searched: no key is said to have moved them.
    assert (
        "(between trials; " in hyperparameters.panels(searched, leaderboards(searched))[0].sentence
    )
    at = [value for _, _, value in GRID.values()]
    np.testing.assert_allclose(effect.correlation, spearmanr(list(rates.values()), at).statistic)
    np.testing.assert_allclose(effect.spread, 100 * (max(at) - min(at)))
    assert effect.marginal == {}
    assert isnan(effect.share)
    assert effect.spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_one_run_per_value_has_no_share(swept: Results) -> None:
    slow = [run for run, (_, pace, _) in GRID.items() if pace == "slow"]
    plan = swept.plan[~swept.plan["run"].isin(slow)]
    found = by_name(_with(swept, plan=plan))
    assert isnan(found["elbo", "n_latent"].share)
    np.testing.assert_allclose(found["elbo", "n_latent"].spread, 40)


def test_the_section_is_there_where_something_was_varied(
    swept: Results, study_folder: StudyFolder
) -> None:
    page = compose(swept)
    assert 'id="hyperparameters"' in page
    assert page.count('href="#hyperparameters"') == 1
    assert ">nan<" not in page
    assert hyperparameters.panels(_with(swept, scores=swept.scores.iloc[:0]), leaderboards(swept))


def test_a_study_without_sweeps_has_no_section(study_folder: StudyFolder) -> None:
    folder = study_folder()
    plan = pd.read_csv(folder / "plan.csv")
    # Two labels of one variant that differ are two questions, not a sweep.
    plan["n_hidden"] = np.where(plan["run"] == "zinbvae", 64, 128)
    plan["n_heads"] = nan
    plan.to_csv(folder / "plan.csv", index=False)
    page = compose(read(folder))
    assert 'id="hyperparameters"' not in page
    assert "#hyperparameters" not in page


def _with(results: Results, **changes: object) -> Results:
    parts = ("scores", "runs", "plan", "metrics", "ranked_by", "provenance")
    return Results(**{name: getattr(results, name) for name in parts} | changes)  # type: ignore[arg-type]
