"""Poisson with one factor: sequencing depth of the cell times mean expression of the gene.

    x_ij ~ Poisson(l_i f_j)
    l_i = sum_j w_ij x_ij / sum_j w_ij f_j        f_j = sum_i w_ij x_ij / sum_i w_ij l_i

w_ij is 1 for observed entries, else 0.  Both equations hold at the maximum of the
likelihood; without missing entries it is row total times column total over grand total, after one
step.  Otherwise the updates alternate until the relative change of every f_j is at most
``tolerance``, a criterion independent of the number of cells.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.counts.observed_counts import fitting_counts, ratio


@dataclass(frozen=True, kw_only=True)
class RankOneConfig:
    """Stopping rule."""

    tolerance: Annotated[float, Gt(0)] = 1e-10
    """Largest relative change of a gene's factor at convergence."""
    max_iterations: Annotated[int, Ge(1)] = 1000


def fit(problem: Problem, config: RankOneConfig, rng: np.random.Generator) -> FittedBaseline:
    fitting = fitting_counts(problem)
    of_cell, of_gene = (np.asarray(fitting.counts.sum(axis)).ravel() for axis in (1, 0))
    factor = fitting.gene_means()
    for _ in range(config.max_iterations):
        loading, before = ratio(of_cell, fitting.over_genes(factor)), factor
        factor = ratio(of_gene, fitting.over_cells(loading))
        if np.all(np.abs(factor - before) <= config.tolerance * before):
            break
    loadings = fitting.by_row(loading)
    return FittedBaseline(
        functions={"counts": lambda rows: np.outer(loadings[rows], factor)},
        n_parameters=loading.size + factor.size - 1,
    )


BASELINE = Baseline(
    label="rank one",
    config=RankOneConfig,
    fit=fit,
    can=frozenset({"bound", "counts"}),
    deterministic=True,
    role="competitor",
    reference="the expression model of Sarkar and Stephens 2021, doi:10.1038/s41588-021-00873-4, "
    "with a point mass per gene",
)
