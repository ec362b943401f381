"""Predicted effect of every perturbation of the scored cells on expression.

    for one draw of the globals, B training controls and their library sizes:
        basal latents from their prior, shared by all conditions, the control among them
        x_c ~ p(x | basal, condition, globals, library),    y as in ``parts.perturbations.effects``
    effect of a condition = mean over draws of [mean of y_c - mean of y_control]

Sampling continues until the standard error, averaged over conditions and genes, is at most
``tolerance``, or until ``most_particles``.  Library sizes are those of the data, because y depends
on depth.  ``predicted_cells`` are draws of x_c in the principal components of the training cells.
A baseline returns effects directly; its predicted cells are training controls plus the effect.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794, with library size 10,000 for every draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.seeds import numpy_generator
from bench.core.variant import PerturbationModule
from bench.parts.nn.counterfactual import (
    Conditions,
    Tally,
    conditions_of,
    draws_at_a_time,
    perturbed_expression,
    training_controls,
)
from bench.parts.perturbations.effect_predictions import predicted_effects
from bench.parts.perturbations.effects import Floats, expression, space_of


@dataclass(frozen=True, kw_only=True)
class EffectsConfig:
    """Precision of the estimated effects."""

    tolerance: Annotated[float, Gt(0)] = 0.05
    """Sampling ends at this standard error of an effect, averaged over conditions and genes."""
    most_particles: Annotated[int, Ge(1)] = 5000
    """Maximum number of sampled cells per condition."""
    n_cells: Annotated[int, Ge(2)] = 100
    """Predicted cells per perturbation, for comparisons of distributions."""


def of_variant(
    fitted: FittedVariant[PerturbationModule], problem: Problem, config: EffectsConfig
) -> Arrays:
    """Effects (perturbation, gene), their standard errors, and cells of each perturbation."""
    conditions, rng, tally = conditions_of(problem), numpy_generator("effects"), Tally()
    space, cells = space_of(problem), list[Floats]()
    n_draws = draws_at_a_time(problem, conditions)
    for sampled in perturbed_expression(fitted, problem, rng, n_draws):
        tally.add(sampled)
        if sum(part.shape[1] for part in cells) < config.n_cells:
            cells.append(space.project(_by_condition(sampled[:, 1:])))
        enough = sum(part.shape[1] for part in cells) >= config.n_cells
        if enough and tally.is_known(config.tolerance, config.most_particles):
            break
    shown = np.concatenate(cells, axis=1)[:, : config.n_cells]
    return _arrays(conditions, tally.mean, tally.error, shown)


def _by_condition(sampled: Floats) -> Floats:
    """(draw, condition, cell, gene) -> (condition, draw x cell, gene)."""
    return np.moveaxis(sampled, 1, 0).reshape(sampled.shape[1], -1, sampled.shape[-1])


def of_baseline(fitted: FittedBaseline, problem: Problem, config: EffectsConfig) -> Arrays:
    """The effects of a baseline, and training controls plus these effects."""
    conditions, effect = conditions_of(problem), predicted_effects(fitted, problem)
    rows = numpy_generator("effects").choice(training_controls(problem), config.n_cells)
    moved = expression(problem.counts[rows], problem.measured)[None] + effect[:, None]
    return _arrays(conditions, effect, np.zeros(len(effect)), space_of(problem).project(moved))


def _arrays(conditions: Conditions, effect: Floats, error: Floats, cells: Floats) -> Arrays:
    return {
        "effect_perturbation": conditions[1:],
        "effect": effect.astype(np.float32),
        "effect_error": error.astype(np.float32),
        "predicted_cells": cells.astype(np.float32),
    }


READOUT = Readout(
    label="Treatment effects",
    config=EffectsConfig,
    of="perturbed",
    arrays=frozenset({"effect_perturbation", "effect", "effect_error", "predicted_cells"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    rows="perturbations",
    labels=lambda config: frozenset({"perturbation"}),
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
