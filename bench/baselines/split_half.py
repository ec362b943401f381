"""Effects among other cells of the same perturbations: the ceiling of real data.

    effect of p = mean of y over other cells with p - mean of y over other controls

The task chooses the other cells: training cells if every perturbation is in training, otherwise the
reserved half of the test perturbations.  A model with the true effects could be better, because
both sides are noisy estimates; the difference depends on the number of cells.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import known_beforehand


@dataclass(frozen=True, kw_only=True)
class SplitHalfConfig:
    """No parameters."""


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
