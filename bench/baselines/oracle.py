"""True values of the simulation: the ceiling.

    knows = mean:   x_ij ~ NB(mu_ij, theta)       the structure, not the noise on each rate
    knows = rate:   x_ij ~ Poisson(lambda_ij)     the realised rate of every entry

A perfect model of the structure could learn the first; no model can learn the second.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.problem import Problem


@dataclass(frozen=True, kw_only=True)
class OracleConfig:
    """The true values that it uses."""

    knows: Literal["mean", "rate"] = "mean"
    """``mean``: expected counts and their dispersion; ``rate``: the realised Poisson rates."""


def fit(problem: Problem, config: OracleConfig, rng: np.random.Generator) -> FittedBaseline:
    known = problem.truth[config.knows]
    theta = {"mean": problem.truth["inverse_dispersion"], "rate": np.array(np.inf)}[config.knows]
    return FittedBaseline(
        functions={"counts": by_cell(known)},
        inverse_dispersion=np.asarray(theta, dtype=float),
        knows_test_cells=True,
    )


BASELINE = Baseline(
    label="oracle",
    config=OracleConfig,
    fit=fit,
    needs=frozenset({"counts", "mean", "rate", "inverse_dispersion"}),
    can=frozenset({"bound", "counts"}),
    deterministic=True,
    role="ceiling",
    reference="the simulation itself",
)
