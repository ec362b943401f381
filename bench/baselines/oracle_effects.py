"""What only the simulation knows: the true effects, the ceiling of simulated data.

    effect of p = E[y | p] - E[y | control]

Its scores differ from perfect ones by the noise of the scored cells, which nobody predicts.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import known_beforehand


@dataclass(frozen=True, kw_only=True)
class OracleEffectsConfig:
    """It has none."""


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
