"""Additive effects: the effect of a combination is the sum of the effects of its treatments.

    effect of p = sum over its treatments t of dosage_pt u_t

    t given alone in training   u_t = least squares of the effects of t alone on its dosages
    only in combinations        u_t = least squares of the residual effects of combinations, after
                                      subtraction of the treatments that occur alone
    in no training cell         u_t = 0

If least squares have several solutions, the smallest is used, so that two treatments that occur
only together have equal effects.  The prediction for a training combination is also a sum.  The
model contains no interactions: it is the reference for measuring them.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import (
    Floats,
    dosage_table,
    treatments_in,
)
from bench.parts.perturbations.effects import training_effects


@dataclass(frozen=True, kw_only=True)
class AdditiveEffectsConfig:
    """No parameters."""


def fit(
    problem: Problem, config: AdditiveEffectsConfig, rng: np.random.Generator
) -> FittedBaseline:
    names, effect = training_effects(problem)
    treatments = treatments_in(names)
    unit = unit_effects(dosage_table(names, treatments), effect)
    answers = {"perturbed": lambda asked: dosage_table(asked, treatments) @ unit}
    return FittedBaseline(functions=answers, n_parameters=unit.size)


def unit_effects(dosage: Floats, effect: Floats) -> Floats:
    """(treatment, gene) u of (perturbation, treatment) dosages and their effects."""
    single = (dosage > 0).sum(1) == 1
    alone = (dosage[single] > 0).any(0)
    unit = np.zeros((dosage.shape[1], effect.shape[1]))
    unit[alone] = least_squares(dosage[single][:, alone], effect[single])
    left = effect[~single] - dosage[~single] @ unit
    unit[~alone] = least_squares(dosage[~single][:, ~alone], left)
    return unit


def least_squares(dosage: Floats, effect: Floats) -> Floats:
    """The smallest (treatment, gene) solution; numpy has none for an empty table."""
    if not dosage.size:
        return np.zeros((dosage.shape[1], effect.shape[1]))
    return np.asarray(np.linalg.lstsq(dosage, effect, rcond=None)[0])


BASELINE = Baseline(
    label="additive effects",
    config=AdditiveEffectsConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="competitor",
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6",
)
