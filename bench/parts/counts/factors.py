"""Two non-negative factors whose product is a matrix of rates."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.problem import Problem
from bench.parts.counts.observed_counts import Floats, ObservedCounts, held_out_counts, ratio

FOLD_UPDATES = 100
"""Updates of the loadings of a held-out cell; the problem is convex for a Poisson."""


class Factors(NamedTuple):
    """lambda_ij = sum_k l_ik f_jk."""

    loadings: Floats
    """(cell, rank)"""
    genes: Floats
    """(gene, rank)"""


def random_factors(fitting: ObservedCounts, rank: int, rng: np.random.Generator) -> Factors:
    """Uniform from 1e-8 to sqrt(mean count / rank), the initialisation of scmodes."""
    mean = fitting.counts.sum() / fitting.n_observed()
    high = max(np.sqrt(mean / rank), 1e-7)
    loadings, genes = (rng.uniform(1e-8, high, size=(n, rank)) for n in fitting.counts.shape)
    return Factors(loadings, genes)


def products_at(pattern: csr_matrix, factors: Factors) -> Floats:
    """(stored entry,) lambda at the stored entries of the pattern, one factor at a time."""
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    total = np.zeros(pattern.nnz)
    for loading, gene in zip(factors.loadings.T, factors.genes.T, strict=True):
        total += loading[row] * gene[pattern.indices]
    return total


def excess(counts: csr_matrix, factors: Factors) -> csr_matrix:
    """x / lambda at the stored counts; zero elsewhere."""
    values = ratio(counts.data, products_at(counts, factors))
    return csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)


def embedded(
    problem: Problem,
    fitting: ObservedCounts,
    factors: Factors,
    update: Callable[[ObservedCounts, Factors], Floats],
) -> Floats:
    """(row of the problem, rank) loadings of the fitted cells and of the held-out cells.

    For a held-out cell the gene factors are fixed; its loadings start at those of the average cell
    and are updated from its visible counts.
    """
    latent, others = fitting.by_row(factors.loadings), held_out_counts(problem)
    if len(others.rows):
        average = np.tile(factors.loadings.mean(0), (len(others.rows), 1))
        folded = Factors(average, factors.genes)
        for _ in range(FOLD_UPDATES):
            folded = Factors(update(others, folded), factors.genes)
        latent[others.rows] = folded.loadings
    return latent
