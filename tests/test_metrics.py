"""Contracts: what every file on the shelf of metrics keeps, and what its extremes mean."""

import inspect
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.catalogue import card, metric, metric_names, names
from bench.parts.counts.count_densities import poisson_log_pmf
from bench.planning.metrics_page import explanation
from bench.planning.renamed_metrics import RENAMED

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


def scored(name: str, given: Arrays) -> float:
    return metric(name).value(given)


def goodness(name: str, given: Arrays) -> float:
    """The score, turned so that higher is better."""
    return scored(name, given) * metric(name).sign


SHELF = {name: metric(name) for name in metric_names()}

GRADED = [name for name, one in SHELF.items() if one.needs & READ_OUT]

ON_EFFECTS = [name for name, one in SHELF.items() if one.needs & OF_EFFECTS]

QUALITIES = [name for name in ON_EFFECTS if not name.endswith("spread")]
"""All but the spreads, which say how differently well perturbations are predicted, not how well."""


def test_cards_are_complete() -> None:
    for name, one in SHELF.items():
        assert one.label, name
        assert one.unit, name
        assert one.reference, name
        assert one.blind_to, name
        assert one.needs, name
        assert one.better in {"higher", "lower"}, name
        assert one.bounds[0] < one.bounds[1], name


def test_every_measure_says_what_it_means_and_what_it_is_blind_to() -> None:
    """In its docstring an equation and what a higher or lower value means; in full sentences."""
    for measure in names("metrics"):
        found, text = card("metrics", measure), explanation(measure)
        assert re.search(r"^    \S", text, re.M), f"{measure}: no equation"
        assert f"{found.better.capitalize()} means" in text, measure
        for view in found.view_names:
            blind_to = found.of_view(view).blind_to
            assert blind_to.startswith("It is "), f"{measure}.{view}"
            assert "blind to" in blind_to, f"{measure}.{view}"
            assert "the same" not in blind_to.partition(":")[0], f"{measure}.{view}"
            assert blind_to.endswith("."), f"{measure}.{view}"
        for name, view in found.views.items():
            assert view.description.endswith("."), f"{measure}.{name}"
            turned = view.better not in (None, found.better)
            assert not turned or f"{view.better.capitalize()} means" in view.description, name


def test_labels_are_unique() -> None:
    labels = [one.label for one in SHELF.values()]
    assert len(set(labels)) == len(labels)


def test_published_definitions_and_no_others_are_unsound() -> None:
    for name, one in SHELF.items():
        assert one.sound != name.endswith("as_published"), name


def test_arrays_come_in_by_name() -> None:
    for measure in names("metrics"):
        parameters = inspect.signature(card("metrics", measure).score).parameters.values()
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters), measure


def test_every_measure_keeps_a_view_for_every_number_it_had() -> None:
    """Old names lead to what there is, each to another number."""
    assert len(set(RENAMED.values())) == len(RENAMED)
    assert set(RENAMED.values()) <= set(SHELF)
    assert not set(RENAMED) & set(SHELF)


def test_one_float_within_bounds_comes_out() -> None:
    of = truth()
    for name in GRADED:
        value = scored(name, arrays(of, of["rate"] * np.exp(of["noise"])))
        lowest, highest = metric(name).bounds
        assert type(value) is float, name
        assert lowest <= value <= highest, name


def test_inputs_are_left_alone() -> None:
    of = truth()
    given, again = (arrays(of, of["rate"].copy()) for _ in range(2))
    for name in GRADED:
        scored(name, given)
    for name, array in given.items():
        np.testing.assert_array_equal(array, again[name])


def test_the_order_of_cells_does_not_matter() -> None:
    of = truth()
    order = np.random.default_rng(0).permutation(N_CELLS)
    shuffled = {name: array[order] for name, array in of.items()}
    both = arrays(of, np.sqrt(of["rate"])), arrays(shuffled, np.sqrt(shuffled["rate"]))
    one, other = ({name: scored(name, given) for name in GRADED} for given in both)
    assert one == pytest.approx(other, rel=1e-12)


def test_the_truth_wins_and_degradation_is_graded() -> None:
    of = truth()
    rates = [of["rate"] * np.exp(level * of["noise"]) for level in (0.0, 0.25, 0.5, 1.0, 2.0)]
    for name in GRADED:
        steps = [goodness(name, arrays(of, rate)) for rate in rates]
        assert np.all(np.diff(steps) < 0), name


def test_the_truth_beats_a_constant_and_all_zeros_lose() -> None:
    of = truth()
    constant, zeros = np.full_like(of["rate"], of["counts"].mean()), np.zeros_like(of["rate"])
    for name in GRADED:
        order = [goodness(name, arrays(of, rate)) for rate in (of["rate"], constant, zeros)]
        assert order[0] > order[1] > order[2], name
        assert np.isfinite(order).all(), name


@pytest.mark.parametrize("wrong", [0.0, 0.3, 1.0])
def test_one_float_within_bounds_comes_out_of_effects(wrong: float) -> None:
    for name in ON_EFFECTS:
        value, (lowest, highest) = scored(name, about_effects(wrong)), metric(name).bounds
        assert type(value) is float, name
        assert lowest <= value <= highest, name


def test_inputs_about_effects_are_left_alone() -> None:
    given, again = about_effects(0.5), about_effects(0.5)
    for name in ON_EFFECTS:
        scored(name, given)
    for name, array in given.items():
        np.testing.assert_array_equal(array, again[name])


def test_the_order_of_perturbations_cells_and_latents_does_not_matter() -> None:
    given = about_effects(0.4)
    other = in_another_order(given)
    for name in ON_EFFECTS:
        # The folds of cells that linear maps are scored on move with the order of cells.
        allowed = 0.02 if name == "latent_r2" else 1e-9
        assert scored(name, given) == pytest.approx(scored(name, other), abs=allowed), name


def test_effects_in_the_data_win_and_degradation_is_graded() -> None:
    """What only orders distances stays perfect until errors are as large as these."""
    for name in QUALITIES:
        steps = [goodness(name, about_effects(level)) for level in (0.0, 0.25, 0.5, 0.75, 1.0)]
        assert np.all(np.diff(steps) <= 0), name
        assert steps[0] > steps[-1], name
        ordering = name.startswith(("effect_rank", "effect_discrimination"))
        assert ordering or np.all(np.diff(steps) < 0), name


@pytest.mark.parametrize("name", ["heldout_predictive_loglik", "imputation_predictive_loglik"])
def test_predictive_scores_reward_knowing_the_noise(name: str) -> None:
    """The right variance beats none, and beats one a hundred times too large."""
    rng = np.random.default_rng(2)
    expected, shape = rng.uniform(1, 5, size=(300, 20)), 0.5
    rate = expected * rng.gamma(shape, 1 / shape, size=expected.shape)
    of = {"rate": rate, "counts": rng.poisson(rate), "masked": rng.random(rate.shape) < 0.5}
    values = {}
    for factor in (0.0, 1.0, 100.0):
        variance = {"rate_variance": factor * expected**2 / shape}
        values[factor] = scored(name, arrays(of, expected) | variance)
    assert values[1.0] > max(values[0.0], values[100.0])


def test_per_cell_bounds_are_averaged_over_cells_and_counts() -> None:
    given = {"elbo_per_cell": np.array([-4.0, -8.0]), "library": np.array([1, 5])}
    given["iwelbo_per_cell"] = given["elbo_per_cell"] + 1
    assert scored("elbo", given) == -6
    assert scored("iwelbo", given) == -5
    assert scored("iwelbo.per_count", given) == pytest.approx(-10 / 6)


def test_masked_and_observed_entries_share_out_the_likelihood() -> None:
    of = truth()
    given = arrays(of, of["rate"])
    parts = [scored(n, given) for n in ("imputation_loss", "imputation_loss.as_published")]
    whole = poisson_log_pmf(of["counts"], of["rate"]).sum()
    assert sum(parts) == pytest.approx(whole, rel=1e-12)
