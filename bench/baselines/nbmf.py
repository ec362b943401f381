"""Matrix factorisation for counts whose rates are noisy: negative binomial, fitted by MM.

    x_ij ~ NB(lambda_ij, theta),   lambda = l f,   variance lambda + lambda^2 / theta
    l_ik <- l_ik * [sum_j w_ij x_ij / lambda_ij f_kj]
                 / [sum_j w_ij (x_ij + theta) / (lambda_ij + theta) f_kj]     and likewise for f
    theta   maximises the likelihood over log theta, by Brent's method, every ten updates

w_ij is 1 where the entry is observed, else 0.  Each update maximises a lower bound that touches the
log-likelihood, so that it only rises.  (x + theta) / (lambda + theta) is dense: it is made for a
block of cells at a time.  As theta grows the updates become those of Poisson NMF.  Iteration stops
when an update gains less than ``tolerance`` nats per observed count, averaged over ten: a criterion
that does not depend on how many cells there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from bench.core.baseline import Baseline, FittedRates
from bench.core.problem import Problem
from bench.parts.count_densities import log_weight
from bench.parts.factors import Factors, embedded, excess, products_at, random_factors
from bench.parts.observed_counts import Floats, ObservedCounts, fitting_counts, ratio

ROUND = 10
"""Updates of the factors between two searches for theta."""

BLOCK = 512
"""Cells whose dense rates are held at a time."""

LOG_THETA = (np.log(1e-4), np.log(1e6))
"""Where theta is looked for: beyond 1e6 no data can tell it from a Poisson."""


@dataclass(frozen=True, kw_only=True)
class NBMFConfig:
    """Rank of the factorisation, where theta starts, and when to stop."""

    rank: Annotated[int, Ge(1)] = 3
    inverse_dispersion: Annotated[float, Gt(0)] = 0.1
    """Where theta starts."""
    tolerance: Annotated[float, Gt(0)] = 1e-6
    """Nats per observed count that an update must gain."""
    max_iterations: Annotated[int, Ge(1)] = 2000


def better_loadings(fitting: ObservedCounts, factors: Factors, theta: float) -> Floats:
    """One update of the loadings."""
    above = excess(fitting.counts, factors) @ factors.genes
    below = np.vstack([weight @ factors.genes for _, weight in weights(fitting, factors, theta)])
    return factors.loadings * ratio(above, below)


def better_genes(fitting: ObservedCounts, factors: Factors, theta: float) -> Floats:
    """One update of the gene factors."""
    above, below = excess(fitting.counts, factors).T @ factors.loadings, np.zeros(())
    for some, weight in weights(fitting, factors, theta):
        below = below + weight.T @ factors.loadings[some]
    return factors.genes * ratio(above, below)


def step(fitting: ObservedCounts, factors: Factors, theta: float) -> Factors:
    """One update of the loadings, then one of the gene factors."""
    factors = Factors(better_loadings(fitting, factors, theta), factors.genes)
    return Factors(factors.loadings, better_genes(fitting, factors, theta))


def weights(
    fitting: ObservedCounts, factors: Factors, theta: float
) -> Iterator[tuple[slice, Floats]]:
    """Blocks of cells, each with its (cell, gene) w (x + theta) / (lambda + theta)."""
    for some, rates in rate_blocks(factors):
        weight = (fitting.counts[some].toarray() + theta) / (rates + theta)
        weight[fitting.missing[some].nonzero()] = 0.0
        yield some, weight


def rate_blocks(factors: Factors) -> Iterator[tuple[slice, Floats]]:
    """Blocks of cells, each with its (cell, gene) lambda."""
    for begin in range(0, len(factors.loadings), BLOCK):
        some = slice(begin, begin + BLOCK)
        yield some, factors.loadings[some] @ factors.genes.T


def log_likelihood(fitting: ObservedCounts, factors: Factors, theta: float) -> float:
    """Log-likelihood of the observed counts, nats, less the constant in log x! of zero counts."""
    x, rates = fitting.counts.data, products_at(fitting.counts, factors)
    stored = xlogy(x, rates) - x * np.log1p(rates / theta) + log_weight(x, theta)
    everywhere = sum(np.log1p(rates / theta).sum() for _, rates in rate_blocks(factors))
    unseen = np.log1p(products_at(fitting.missing, factors) / theta).sum()
    return float(stored.sum() - theta * (everywhere - unseen))


def better_theta(fitting: ObservedCounts, factors: Factors, theta: float) -> tuple[float, float]:
    """A theta at least as likely as the given one, and its log-likelihood."""
    found = minimize_scalar(
        lambda log_theta: -log_likelihood(fitting, factors, float(np.exp(log_theta))),
        bounds=np.clip(np.log(theta) + np.array([-2, 2]), *LOG_THETA),
        method="bounded",
        options={"xatol": 1e-4},
    )
    held = log_likelihood(fitting, factors, theta)
    return (float(np.exp(found.x)), -float(found.fun)) if -found.fun > held else (theta, held)


def fit(problem: Problem, config: NBMFConfig, rng: np.random.Generator) -> FittedRates:
    fitting = fitting_counts(problem)
    factors, theta = random_factors(fitting, config.rank, rng), config.inverse_dispersion
    least_gain = config.tolerance * ROUND * fitting.counts.sum()
    reached = -np.inf
    for iteration in range(1, config.max_iterations + 1):
        factors = step(fitting, factors, theta)
        if iteration % ROUND == 0:
            before = reached
            theta, reached = better_theta(fitting, factors, theta)
            if reached - before < least_gain:
                break
    loadings, n_cells = fitting.by_row(factors.loadings), len(fitting.rows)
    return FittedRates(
        mean=lambda rows: loadings[rows] @ factors.genes.T,
        inverse_dispersion=theta,
        latent=embedded(problem, fitting, factors, partial(better_loadings, theta=theta)),
        n_parameters=config.rank * (n_cells + len(factors.genes) - config.rank) + 1,
    )


BASELINE = Baseline(
    label="NBMF",
    config=NBMFConfig,
    fit=fit,
    gives=frozenset({"bounds", "rates", "fitted_means", "latent"}),
    deterministic=False,
    role="competitor",
    reference="Gouvert, Oberlin and Févotte 2020, Negative binomial matrix factorization, "
    "IEEE Signal Processing Letters 27",
)
