"""The mean effect of the training perturbations, for every perturbation.

    effect of p = (1/P) sum over training perturbations q of effect_q

Every perturbation has the same weight, independent of its number of cells.  The prediction is the
same for all perturbations; their common part is often most of an effect, so that many models are
not better.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import same_for_all
from bench.parts.perturbations.effects import training_effects


@dataclass(frozen=True, kw_only=True)
class MeanEffectConfig:
    """No parameters."""


def fit(problem: Problem, config: MeanEffectConfig, rng: np.random.Generator) -> FittedBaseline:
    _, effect = training_effects(problem)
    mean = effect.mean(0)
    return FittedBaseline(functions={"perturbed": same_for_all(mean)}, n_parameters=len(mean))


BASELINE = Baseline(
    label="mean effect",
    config=MeanEffectConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="competitor",
    reference="Viñas Torné et al. 2025, doi:10.1038/s41587-025-02777-8 (perturbed mean)",
)
