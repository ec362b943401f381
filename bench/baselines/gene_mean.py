"""One number for every gene: the mean of its observed counts.

    x_ij ~ Poisson(m_j),   m_j = mean of gene j's observed counts

Uses mean expression per gene and no information about cells.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.counts.observed_counts import fitting_counts


@dataclass(frozen=True, kw_only=True)
class GeneMeanConfig:
    """No parameters."""


def fit(problem: Problem, config: GeneMeanConfig, rng: np.random.Generator) -> FittedBaseline:
    mean = fitting_counts(problem).gene_means()
    answers = {"counts": lambda rows: np.tile(mean, (len(rows), 1))}
    return FittedBaseline(functions=answers, n_parameters=len(mean))


BASELINE = Baseline(
    label="gene mean",
    config=GeneMeanConfig,
    fit=fit,
    can=frozenset({"bound", "counts"}),
    deterministic=True,
    role="floor",
    reference="a control of this suite",
)
