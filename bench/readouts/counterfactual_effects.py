"""Counterfactual effect of every perturbation on the training controls, cell by cell.

    for one draw of the globals, B training controls with their counts x and library sizes:
        basal latents ~ q(. | x), shared by all conditions, the control among them
        x_c ~ p(x | basal, condition, globals, library),    y as in ``parts.perturbations.effects``
    counterfactual effect of a condition = mean over draws of [mean of y_c - mean of y_control]

Controls have no treatment, so that their latents are basal.  The readout ``effects`` samples basal
latents from the prior instead; a difference between the two shows a mismatch between the prior and
the cells.  Sampling ends as in ``effects``.  A baseline has the same effects in both readouts; so
does a model with a deterministic encoder, up to sampling noise.
Source: abduction, action, prediction: Pearl 2009, Causality, 7.1.
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
from bench.parts.nn.counterfactual import Tally, perturbed_expression
from bench.parts.perturbations.effect_predictions import predicted_effects

FEWEST_DRAWS = 25
"""Minimum number of draws for a reliable standard error."""


@dataclass(frozen=True, kw_only=True)
class CounterfactualEffectsConfig:
    """Precision of the estimated effects."""

    tolerance: Annotated[float, Gt(0)] = 0.05
    """Sampling ends at this standard error of an effect, averaged over conditions and genes."""
    most_particles: Annotated[int, Ge(1)] = 5000
    """Maximum number of sampled cells per condition."""


def of_variant(
    fitted: FittedVariant[PerturbationModule], problem: Problem, config: CounterfactualEffectsConfig
) -> Arrays:
    """``counterfactual_effect``: (perturbation, gene)."""
    rng, tally = numpy_generator("counterfactual_effects"), Tally()
    # One draw per ten controls: repeated draws of the same cells are correlated, so their standard
    # error would be too small.
    for expression in perturbed_expression(fitted, problem, rng, 1, fitted.module.infer):
        tally.add(expression)
        if tally.n >= FEWEST_DRAWS and tally.is_known(config.tolerance, config.most_particles):
            break
    return {"counterfactual_effect": tally.mean.astype(np.float32)}


def of_baseline(
    fitted: FittedBaseline, problem: Problem, config: CounterfactualEffectsConfig
) -> Arrays:
    """``counterfactual_effect``: the effects of the baseline, the same for every cell."""
    return {"counterfactual_effect": predicted_effects(fitted, problem).astype(np.float32)}


READOUT = Readout(
    label="Counterfactual effects",
    config=CounterfactualEffectsConfig,
    of="perturbed",
    arrays=frozenset({"counterfactual_effect"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    rows="perturbations",
    labels=lambda config: frozenset({"perturbation"}),
    reference="Pearl 2009, Causality, 7.1: abduction, action, prediction",
)
