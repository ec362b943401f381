"""Contracts: what every file on the shelf of metrics keeps, and what its extremes mean."""

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.catalogue import card, names
from bench.core.metric import Metric
from bench.parts.counts.count_densities import poisson_log_pmf

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

OF_EFFECTS = frozenset(
    {"effect", "effect_as_published", "predicted_cells", "mask_probability", "true_latent"}
)
"""What a competitor says of perturbations: a metric that needs one of these is graded below."""

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


def about_effects(wrong: float) -> Arrays:
    """What readouts and tasks hand to metrics of 24 perturbations of 120 genes.

    At 0 a competitor says what the data say.  At 1 its effects are small noise, its cells are far
    from where they belong, its mask is tossed and its latents are mostly noise.
    """
    rng = np.random.default_rng(13)
    strength = np.linspace(0.5, 2, 24)[:, None]
    shared = 0.3 * rng.normal(size=120)
    data_effect = strength * rng.normal(size=(24, 120)) + shared
    effect = (1 - wrong) * data_effect + wrong * 0.3 * rng.normal(size=data_effect.shape)
    cells = data_effect[:, None, :5] + rng.normal(size=(24, 15, 5))
    treated, latents = rng.permutation(np.repeat(np.arange(24), 10)), rng.normal(size=(240, 4))
    observed = data_effect[treated, :5] + rng.normal(size=(240, 5))
    mask, tossed = rng.random((24, 4)) < 0.3, rng.random((24, 4)) < wrong / 2
    return {
        "effect": effect,
        "effect_as_published": effect + 0.01 * wrong,
        "data_effect": data_effect,
        "data_effect_as_published": data_effect,
        "mean_training_effect": shared,
        "target_gene": np.eye(24, 120, dtype=bool),
        "predicted_cells": cells + 3 * wrong,
        "observed_cells": observed,
        "observed_perturbation": treated,
        "treatment_names": np.array([f"t{k:02d}" for k in range(24)]),
        "mask_probability": (mask ^ tossed)[:, [2, 0, 3, 1]].astype(float),
        "true_mask": mask,
        "latent": (latents + 3 * wrong * rng.normal(size=latents.shape))[:, [2, 0, 3, 1]],
        "true_latent": latents,
    }


def in_another_order(given: Arrays) -> Arrays:
    """The same of perturbations, cells and latents in other orders."""
    rng = np.random.default_rng(1)
    order, cells = rng.permutation(24), rng.permutation(240)
    shuffled = {name: array[order] for name, array in given.items() if len(array) == 24}
    for name in ("observed_cells", "latent", "true_latent"):
        shuffled[name] = given[name][cells]
    shuffled["observed_perturbation"] = np.argsort(order)[given["observed_perturbation"]][cells]
    shuffled["predicted_cells"] = shuffled["predicted_cells"][:, rng.permutation(15)]
    return given | shuffled


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


ON_EFFECTS = [name for name in names("metrics") if card("metrics", name).needs & OF_EFFECTS]

QUALITIES = [name for name in ON_EFFECTS if not name.endswith("_spread")]
"""All but the spreads, which say how differently well perturbations are predicted, not how well."""


@pytest.fixture(params=ON_EFFECTS)
def of_effects(request: pytest.FixtureRequest) -> Metric:
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


@pytest.mark.parametrize("wrong", [0.0, 0.3, 1.0])
def test_one_float_within_bounds_comes_out_of_effects(of_effects: Metric, wrong: float) -> None:
    value = scored(of_effects, about_effects(wrong))
    assert type(value) is float
    assert of_effects.bounds[0] <= value <= of_effects.bounds[1]


def test_inputs_about_effects_are_left_alone(of_effects: Metric) -> None:
    given, again = about_effects(0.5), about_effects(0.5)
    scored(of_effects, given)
    for name, array in given.items():
        np.testing.assert_array_equal(array, again[name])


def test_the_order_of_perturbations_cells_and_latents_does_not_matter(of_effects: Metric) -> None:
    given = about_effects(0.4)
    one, other = scored(of_effects, given), scored(of_effects, in_another_order(given))
    # The folds of cells that linear maps are judged on move with the order of cells.
    assert one == pytest.approx(other, abs=0.02 if of_effects.label.startswith("linear") else 1e-9)


@pytest.mark.parametrize("name", QUALITIES)
def test_effects_in_the_data_win_and_degradation_is_graded(name: str) -> None:
    """What only orders distances stays perfect until errors are as large as these."""
    metric, levels = card("metrics", name), (0.0, 0.25, 0.5, 0.75, 1.0)
    steps = [goodness(metric, about_effects(level)) for level in levels]
    assert np.all(np.diff(steps) <= 0)
    assert steps[0] > steps[-1]
    assert name.endswith(("_rank", "_discrimination")) or np.all(np.diff(steps) < 0)


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
