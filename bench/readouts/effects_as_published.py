"""Effects as in the SAMS-VAE code: one library size for all cells, and separate control draws.

    for every condition, S draws of basal latents from their prior, each with a draw of the globals
        x_c ~ p(x | basal, condition, globals, library = 10,000),  y as in ``perturbations.effects``
    effect of a condition = mean of y_c - mean of y_control

All conditions share a draw of the globals; every condition has its own basal latents, so that an
effect has the noise of both means.  The logarithm of a share depends on depth, and the library
sizes of the data differ from 10,000: compared with the data, these effects are biased, unlike
``effects``.  Covariates, and the basal state of a model with a deterministic encoder, are those of
one training control.  A baseline returns its effects.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
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
    conditions_of,
    control_cells,
    sample_perturbed,
    training_controls,
)
from bench.parts.perturbations.effect_predictions import predicted_effects
from bench.parts.perturbations.effects import Floats, expression


@dataclass(frozen=True, kw_only=True)
class EffectsAsPublishedConfig:
    """The defaults are those of the source."""

    n_particles: Annotated[int, Ge(1)] = 2500
    """Draws of the globals, with one sampled cell each, per condition."""
    library: Annotated[float, Gt(0)] = 10_000.0
    """Library size of every cell; not used for real-valued data."""


def of_variant(
    fitted: FittedVariant[PerturbationModule], problem: Problem, config: EffectsAsPublishedConfig
) -> Arrays:
    """``effect_as_published``: (perturbation, gene)."""
    conditions = conditions_of(problem)
    row = numpy_generator("effects_as_published").choice(training_controls(problem), 1)
    cell = control_cells(fitted, row, config.library)

    def mean_of(condition: int) -> Floats:
        asked = conditions[condition : condition + 1]
        perturbed = sample_perturbed(fitted, asked, cell, config.n_particles)
        return np.asarray(expression(perturbed[:, 0, 0], problem.measured).mean(0, dtype=float))

    control, *treated = (mean_of(condition) for condition in range(len(conditions)))
    return {"effect_as_published": (np.array(treated) - control).astype(np.float32)}


def of_baseline(
    fitted: FittedBaseline, problem: Problem, config: EffectsAsPublishedConfig
) -> Arrays:
    """``effect_as_published``: the effects of the baseline, which need no library size."""
    return {"effect_as_published": predicted_effects(fitted, problem).astype(np.float32)}


READOUT = Readout(
    label="Treatment effects as published",
    config=EffectsAsPublishedConfig,
    of="perturbed",
    arrays=frozenset({"effect_as_published"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    rows="perturbations",
    compared_with=frozenset({"data_effect_as_published"}),
    labels=lambda config: frozenset({"perturbation"}),
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
