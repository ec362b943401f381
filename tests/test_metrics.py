"""Contracts: what every file on the shelf of metrics keeps, and what its extremes mean."""

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.catalogue import card, names
from bench.core.metric import Metric
from bench.parts.count_densities import poisson_log_pmf

Arrays = dict[str, NDArray[Any]]

READ_OUT = frozenset(
    {
        "elbo_per_cell",
        "iwelbo_per_cell",
        "expected_counts",
        "expected_counts_plugin",
        "fitted_mean",
        "fitted_mean_plugin",
        "drawn_rate",
        "marginal_loglik_per_cell",
    }
)
"""What a competitor's rates determine: a metric that needs one of these is graded below."""

N_CELLS, N_GENES = 400, 30


def truth() -> Arrays:
    """Rates, and everything that a task would hold back of counts drawn at them."""
    rng = np.random.default_rng(11)
    rate = rng.gamma(2.0, 1.0, size=(N_CELLS, N_GENES))
    return {
        "rate": rate,
        "counts": rng.poisson(rate),
        "masked": rng.random(rate.shape) < 0.3,
        "noise": rng.standard_normal(rate.shape),
    }


def arrays(of: Arrays, rate: NDArray) -> Arrays:
    """What readouts and tasks hand to metrics, for a competitor that predicts ``rate``."""
    bound = poisson_log_pmf(of["counts"], rate).sum(1)
    return {
        **dict.fromkeys(READ_OUT, rate),
        "elbo_per_cell": bound,
        "iwelbo_per_cell": bound,
        "marginal_loglik_per_cell": bound,
        "rate_variance": np.zeros_like(rate),
        "library": of["counts"].sum(1),
        "second_counts": of["counts"],
        "masked": of["masked"],
        "masked_counts": of["counts"][of["masked"]],
        "observed_counts": of["counts"][~of["masked"]],
        "changed": of["masked"],
        "changed_counts": of["counts"][of["masked"]],
    }


def scored(metric: Metric, given: Arrays) -> float:
    return metric.score(**{name: given[name] for name in metric.needs})


def goodness(metric: Metric, given: Arrays) -> float:
    """The score, turned so that higher is better."""
    return scored(metric, given) * (1 if metric.better == "higher" else -1)


@pytest.fixture(params=names("metrics"))
def metric(request: pytest.FixtureRequest) -> Metric:
    return card("metrics", request.param)


@pytest.fixture(params=[n for n in names("metrics") if card("metrics", n).needs & READ_OUT])
def graded(request: pytest.FixtureRequest) -> Metric:
    return card("metrics", request.param)


def test_cards_are_complete(metric: Metric) -> None:
    assert metric.label
    assert metric.unit
    assert metric.reference
    assert metric.needs
    assert metric.better in {"higher", "lower"}
    assert metric.bounds[0] < metric.bounds[1]


def test_labels_are_unique() -> None:
    labels = [card("metrics", name).label for name in names("metrics")]
    assert len(set(labels)) == len(labels)


def test_published_definitions_and_no_others_are_unsound() -> None:
    for name in names("metrics"):
        assert card("metrics", name).sound != name.endswith("_as_published")


def test_arrays_come_in_by_name(metric: Metric) -> None:
    parameters = inspect.signature(metric.score).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
    assert {p.name for p in parameters if p.default is p.empty} == metric.needs


def test_one_float_within_bounds_comes_out(graded: Metric) -> None:
    of = truth()
    value = scored(graded, arrays(of, of["rate"] * np.exp(of["noise"])))
    assert type(value) is float
    assert graded.bounds[0] <= value <= graded.bounds[1]


def test_inputs_are_left_alone(graded: Metric) -> None:
    of = truth()
    given, again = (arrays(of, of["rate"].copy()) for _ in range(2))
    scored(graded, given)
    for name, array in given.items():
        np.testing.assert_array_equal(array, again[name])


def test_the_order_of_cells_does_not_matter(graded: Metric) -> None:
    of = truth()
    order = np.random.default_rng(0).permutation(N_CELLS)
    shuffled = {name: array[order] for name, array in of.items()}
    one = scored(graded, arrays(of, np.sqrt(of["rate"])))
    other = scored(graded, arrays(shuffled, np.sqrt(shuffled["rate"])))
    assert one == pytest.approx(other, rel=1e-12)


def test_the_truth_wins_and_degradation_is_graded(graded: Metric) -> None:
    of = truth()
    levels = (0.0, 0.25, 0.5, 1.0, 2.0)
    steps = [goodness(graded, arrays(of, of["rate"] * np.exp(s * of["noise"]))) for s in levels]
    assert np.all(np.diff(steps) < 0)


def test_the_truth_beats_a_constant_and_all_zeros_lose(graded: Metric) -> None:
    of = truth()
    constant, zeros = np.full_like(of["rate"], of["counts"].mean()), np.zeros_like(of["rate"])
    order = [goodness(graded, arrays(of, rate)) for rate in (of["rate"], constant, zeros)]
    assert order[0] > order[1] > order[2]
    assert np.isfinite(order).all()


@pytest.mark.parametrize("name", ["heldout_predictive_loglik", "imputation_predictive_loglik"])
def test_predictive_scores_reward_knowing_the_noise(name: str) -> None:
    """The right variance beats none, and beats one a hundred times too large."""
    rng, metric = np.random.default_rng(2), card("metrics", name)
    expected, shape = rng.uniform(1, 5, size=(300, 20)), 0.5
    rate = expected * rng.gamma(shape, 1 / shape, size=expected.shape)
    of = {"rate": rate, "counts": rng.poisson(rate), "masked": rng.random(rate.shape) < 0.5}
    values = {}
    for factor in (0.0, 1.0, 100.0):
        variance = {"rate_variance": factor * expected**2 / shape}
        values[factor] = scored(metric, arrays(of, expected) | variance)
    assert values[1.0] > max(values[0.0], values[100.0])


def test_per_cell_bounds_are_averaged_over_cells_and_counts() -> None:
    given = {"elbo_per_cell": np.array([-4.0, -8.0]), "library": np.array([1, 5])}
    given["iwelbo_per_cell"] = given["elbo_per_cell"] + 1
    assert scored(card("metrics", "elbo"), given) == -6
    assert scored(card("metrics", "iwelbo"), given) == -5
    assert scored(card("metrics", "iwelbo_per_count"), given) == pytest.approx(-10 / 6)


def test_masked_and_observed_entries_share_out_the_likelihood() -> None:
    of = truth()
    given = arrays(of, of["rate"])
    parts = [
        scored(card("metrics", name), given)
        for name in ("imputation_loss", "imputation_loss_as_published")
    ]
    whole = poisson_log_pmf(of["counts"], of["rate"]).sum()
    assert sum(parts) == pytest.approx(whole, rel=1e-12)
