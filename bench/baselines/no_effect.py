"""Zero effect for every perturbation: the floor of all tables of effects."""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem


@dataclass(frozen=True, kw_only=True)
class NoEffectConfig:
    """No parameters."""


def fit(problem: Problem, config: NoEffectConfig, rng: np.random.Generator) -> FittedBaseline:
    n_genes = problem.counts.shape[1]
    return FittedBaseline(functions={"perturbed": lambda names: np.zeros((len(names), n_genes))})


BASELINE = Baseline(
    label="no effect",
    config=NoEffectConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="floor",
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6",
)
