"""No perturbation does anything: the floor of every table of effects."""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedRates
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import EFFECT_READOUTS


@dataclass(frozen=True, kw_only=True)
class NoEffectConfig:
    """It has none."""


def fit(problem: Problem, config: NoEffectConfig, rng: np.random.Generator) -> FittedRates:
    n_genes = problem.visible.shape[1]
    return FittedRates(effects=lambda names: np.zeros((len(names), n_genes)))


BASELINE = Baseline(
    label="no effect",
    config=NoEffectConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    gives=EFFECT_READOUTS,
    deterministic=True,
    role="floor",
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6",
)
