"""One number for every entry: the mean of all observed counts.

    x_ij ~ Poisson(m),   m = mean of the observed counts

The floor of every comparison: a model with a worse score has learned nothing useful.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.counts.observed_counts import fitting_counts


@dataclass(frozen=True, kw_only=True)
class MeanConfig:
    """No parameters."""


def fit(problem: Problem, config: MeanConfig, rng: np.random.Generator) -> FittedBaseline:
    fitting = fitting_counts(problem)
    mean = fitting.counts.sum() / fitting.n_observed()
    n_genes = fitting.counts.shape[1]
    answers = {"counts": lambda rows: np.full((len(rows), n_genes), mean)}
    return FittedBaseline(functions=answers, n_parameters=1)


BASELINE = Baseline(
    label="constant mean",
    config=MeanConfig,
    fit=fit,
    can=frozenset({"bound", "counts"}),
    deterministic=True,
    role="floor",
    reference="a control of this suite",
)
