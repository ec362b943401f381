"""Truths: the reference values of the two simulated examples, from data to score.

Source: the examples of scmodes (A. Sarkar), whose oracle values follow from the simulation alone.
"""

from functools import cache

import numpy as np
import pytest

from bench.catalogue import card, metric
from bench.core.problem import Problem

EXAMPLES = {"thinned_counts": "thinning_example", "masked_entries": "masking_example"}


@cache
def posed(task: str) -> Problem:
    dataset, posing = card("data", EXAMPLES[task]), card("tasks", task)
    data = dataset.load(dataset.config(), {})
    return posing.problem_of(data, posing.config(), 1, np.random.default_rng(0))


@cache
def read_out(task: str, baseline: str, **config: str | int) -> dict[str, np.ndarray]:
    """Everything a metric may ask of a baseline on an example."""
    problem, carried = posed(task), card("baselines", baseline)
    fitted = carried.fit(problem, carried.config(**config), np.random.default_rng(0))
    arrays = dict(problem.targets)
    for name in sorted(card("tasks", task).readouts & {"rates", "fitted_means"}):
        readout = card("readouts", name)
        arrays |= readout.of_baseline(fitted, problem, readout.config())
    return arrays


def score(name: str, arrays: dict[str, np.ndarray]) -> float:
    return metric(name).value(arrays)


@pytest.mark.parametrize(
    ("name", "baseline", "config", "expected", "tolerance"),
    [
        ("heldout_poisson_loglik", "oracle", {"knows": "rate"}, -0.75695, 1e-5),
        ("heldout_poisson_loglik", "oracle", {"knows": "mean"}, -1.01764, 1e-5),
        ("heldout_poisson_loglik.plugin", "oracle", {"knows": "mean"}, -1.01764, 1e-5),
        ("heldout_predictive_loglik", "oracle", {"knows": "mean"}, -0.94624, 1e-5),
        ("heldout_predictive_loglik", "oracle", {"knows": "rate"}, -0.75695, 1e-5),
        ("heldout_poisson_loglik", "mean", {}, -8.24134, 1e-5),
        ("heldout_poisson_loglik", "rank_one", {}, -7.65822, 1e-5),
        ("heldout_poisson_loglik", "nmf", {"rank": 3}, -7.06, 0.05),
    ],
)
def test_thinning_example(
    name: str, baseline: str, config: dict, expected: float, tolerance: float
) -> None:
    value = score(name, read_out("thinned_counts", baseline, **config))
    assert value == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("name", "baseline", "config", "expected", "tolerance"),
    [
        ("imputation_loss", "oracle", {"knows": "mean"}, -23_828.4, 0.1),
        ("imputation_loss", "oracle", {"knows": "rate"}, -6_550.5, 0.1),
        ("imputation_loss", "mean", {}, -25_321.1, 0.1),
        ("imputation_loss.plugin", "mean", {}, -25_321.1, 0.1),
        ("imputation_loss", "rank_one", {}, -24_414.4, 1),
        ("imputation_loss", "nmf", {"rank": 1}, -24_414.4, 1),
        ("imputation_loss.as_published", "oracle", {"knows": "mean"}, -220_336.4, 0.1),
        ("imputation_loss.as_published", "mean", {}, -235_688.5, 0.1),
        ("imputation_loss.plugin_as_published", "mean", {}, -235_688.5, 0.1),
        ("imputation_loss.as_published", "oracle", {"knows": "rate"}, -60_079.7, 0.1),
    ],
)
def test_masking_example(
    name: str, baseline: str, config: dict, expected: float, tolerance: float
) -> None:
    value = score(name, read_out("masked_entries", baseline, **config))
    assert value == pytest.approx(expected, abs=tolerance)


def test_the_noisy_factorisation_comes_close_to_the_oracle() -> None:
    """Nobody who has only the visible counts can pass it by more than chance."""
    task, name = "thinned_counts", "heldout_predictive_loglik"
    ceiling = score(name, read_out(task, "oracle", knows="mean"))
    noisy = score(name, read_out(task, "nbmf", rank=1))
    assert ceiling - 0.01 < noisy < ceiling + 0.002
    assert score(name, read_out(task, "rank_one")) < noisy - 1


def test_baselines_on_masked_entries_stay_below_the_true_mean() -> None:
    task, name = "masked_entries", "imputation_loss"
    ceiling = score(name, read_out(task, "oracle", knows="mean"))
    for baseline in ("mean", "gene_mean", "rank_one", "nmf", "nbmf", "pca"):
        assert score(name, read_out(task, baseline)) < ceiling
