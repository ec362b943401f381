"""What other cells of the same perturbations say of their effects: the ceiling of real data.

    effect of p = mean of y over other cells with p - mean of y over other controls

Which other cells is the task's choice: the training cells where every perturbation was seen, the
half that is held back where it was not.  A model that knew the effects themselves could do better,
because both sides are samples: how much depends on how many cells there are.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import known_beforehand


@dataclass(frozen=True, kw_only=True)
class SplitHalfConfig:
    """It has none."""


def fit(problem: Problem, config: SplitHalfConfig, rng: np.random.Generator) -> FittedBaseline:
    return FittedBaseline(functions={"perturbed": known_beforehand(problem, "duplicate_effect")})


BASELINE = Baseline(
    label="other cells",
    config=SplitHalfConfig,
    fit=fit,
    needs=frozenset({"perturbation", "duplicate"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="ceiling",
    reference="technical duplicate, as in Ahlmann-Eltze et al. 2025, "
    "doi:10.1038/s41592-025-02772-6",
)
