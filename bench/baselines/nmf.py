"""Non-negative matrix factorisation for Poisson counts, with weights for hidden entries.

    x_ij ~ Poisson(lambda_ij),   lambda = l f,   l (cell, rank) and f (rank, gene) >= 0
    l_ik <- l_ik * [sum_j w_ij x_ij / lambda_ij f_kj] / [sum_j w_ij f_kj]     and likewise for f

w_ij is 1 for observed entries, else 0.  No update decreases the likelihood.  Only stored counts
enter the numerators; missing entries are subtracted from the denominators.  Iteration stops when an
update gains less than ``tolerance`` nats per observed count, averaged over ten: a criterion
independent of the number of cells.  The model has no noise on the rates: at high rank it fits the
noise.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from scipy.special import xlogy

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.problem import Problem
from bench.parts.counts.factors import Factors, embedded, excess, products_at, random_factors
from bench.parts.counts.observed_counts import Floats, ObservedCounts, fitting_counts, ratio

ROUND = 10
"""Iterations between two evaluations of the likelihood."""


@dataclass(frozen=True, kw_only=True)
class NMFConfig:
    """Rank of the factorisation, and stopping rule."""

    rank: Annotated[int, Ge(1)] = 3
    tolerance: Annotated[float, Gt(0)] = 1e-6
    """Minimum gain of an iteration, nats per observed count."""
    max_iterations: Annotated[int, Ge(1)] = 5000


def better_loadings(fitting: ObservedCounts, factors: Factors) -> Floats:
    """One update of the loadings."""
    above = excess(fitting.counts, factors) @ factors.genes
    return factors.loadings * ratio(above, fitting.over_genes(factors.genes))


def better_genes(fitting: ObservedCounts, factors: Factors) -> Floats:
    """One update of the gene factors."""
    above = excess(fitting.counts, factors).T @ factors.loadings
    return factors.genes * ratio(above, fitting.over_cells(factors.loadings))


def step(fitting: ObservedCounts, factors: Factors) -> Factors:
    """One update of the loadings, followed by one of the gene factors."""
    factors = Factors(better_loadings(fitting, factors), factors.genes)
    return Factors(factors.loadings, better_genes(fitting, factors))


def log_likelihood(fitting: ObservedCounts, factors: Factors) -> float:
    """Poisson log-likelihood of the observed counts, nats, without the constant log x!."""
    stored = xlogy(fitting.counts.data, products_at(fitting.counts, factors)).sum()
    everywhere = factors.loadings.sum(0) @ factors.genes.sum(0)
    return float(stored - everywhere + products_at(fitting.masked, factors).sum())


def fit(problem: Problem, config: NMFConfig, rng: np.random.Generator) -> FittedBaseline:
    fitting = fitting_counts(problem)
    factors = random_factors(fitting, config.rank, rng)
    least_gain = config.tolerance * ROUND * fitting.counts.sum()
    reached = -np.inf
    for iteration in range(1, config.max_iterations + 1):
        factors = step(fitting, factors)
        if iteration % ROUND == 0:
            before, reached = reached, log_likelihood(fitting, factors)
            if reached - before < least_gain:
                break
    loadings, n_cells = fitting.by_row(factors.loadings), len(fitting.rows)
    latent = embedded(problem, fitting, factors, better_loadings)
    return FittedBaseline(
        functions={
            "counts": lambda rows: loadings[rows] @ factors.genes.T,
            "latent": by_cell(latent),
        },
        n_parameters=config.rank * (n_cells + len(factors.genes) - config.rank),
    )


BASELINE = Baseline(
    label="NMF",
    config=NMFConfig,
    fit=fit,
    can=frozenset({"bound", "counts", "latent"}),
    deterministic=False,
    role="competitor",
    reference="Lee and Seung 2001, NeurIPS 13, with weights",
)
