"""Every perturbation does what the training perturbations do on average.

    effect of p = (1/P) sum over training perturbations q of effect_q

Every perturbation counts alike, however many cells it has.  Blind to which one it is asked for;
what all have in common is often most of an effect, so that many a model is no better.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import same_for_all
from bench.parts.perturbations.effects import training_effects


@dataclass(frozen=True, kw_only=True)
class MeanEffectConfig:
    """It has none."""


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
