"""True effects of the simulation: the ceiling of simulated data.

    effect of p = E[y | p] - E[y | control]

Its scores differ from perfect scores by the unpredictable noise of the scored cells.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import known_beforehand


@dataclass(frozen=True, kw_only=True)
class OracleEffectsConfig:
    """No parameters."""


def fit(problem: Problem, config: OracleEffectsConfig, rng: np.random.Generator) -> FittedBaseline:
    return FittedBaseline(functions={"perturbed": known_beforehand(problem, "true_effect")})


BASELINE = Baseline(
    label="true effects",
    config=OracleEffectsConfig,
    fit=fit,
    needs=frozenset({"perturbation", "true_effect"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="ceiling",
    reference="the dataset's own simulation",
)
