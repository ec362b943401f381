"""Densities of counts in numpy, for baselines, their readouts and metrics.

    x | lambda ~ Poisson(lambda),   lambda = mu u,   u ~ Gamma(theta, theta)

    NB(x; mu, theta)  = x log mu - (theta + x) log(1 + mu / theta) + R(x, theta) - log x!
    R(x, theta)       = log Gamma(x + theta) - log Gamma(theta) - x log theta
    lambda | x        ~ Gamma(x + theta, 1 + theta / mu)

An infinite theta gives the Poisson.  In this form every term has the size of the counts for any
theta.  All values are in nats with all constants, in float64; theta is ``()`` or (gene,).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.special import gammaln, logsumexp, xlogy

Floats = NDArray[np.floating[Any]]

RATE_FLOOR = 1e-6
"""Minimum of the expected counts of an entry in scores.

Otherwise one count would give a score of minus infinity to a method with a fitted rate of exactly
zero; with the floor this count costs 14 nats, and every correct zero 1e-6 nats.
"""

STIRLING = 100.0
"""Above this value three terms of Stirling's series are exact to 1e-13."""


def log_pmf(counts: ArrayLike, mean: ArrayLike, inverse_dispersion: ArrayLike) -> Floats:
    """Elementwise log-probability of counts; minus infinity for a positive count with mean zero."""
    x, mu, theta = (np.asarray(a, dtype=float) for a in (counts, mean, inverse_dispersion))
    constant = log_weight(x, theta)
    return xlogy(x, mu) - _absorbed(x, mu, theta) + constant


def log_weight(counts: ArrayLike, inverse_dispersion: ArrayLike) -> Floats:
    """R(x, theta) - log x!: the part of the log-probability without the mean; 0 at x = 0."""
    given = (np.asarray(a, dtype=float) for a in (counts, inverse_dispersion))
    x, theta = np.broadcast_arrays(*given)
    weight, seen = np.zeros(x.shape), x > 0
    weight[seen] = _log_rising(x[seen], theta[seen]) - gammaln(x[seen] + 1)
    return weight


def poisson_log_pmf(counts: ArrayLike, rate: ArrayLike) -> Floats:
    """Elementwise Poisson log-probability, its rate no smaller than :data:`RATE_FLOOR`."""
    return log_pmf(counts, np.maximum(rate, RATE_FLOOR), np.inf)


def predictive_log_pmf(counts: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Elementwise log-probability of a negative binomial whose *rate* has these two moments.

    Its shape is mean^2 / variance; a Poisson where the variance is zero.  The mean is no smaller
    than :data:`RATE_FLOOR`.
    """
    mu, spread = np.maximum(mean, RATE_FLOOR), np.asarray(variance, dtype=float)
    with np.errstate(over="ignore"):
        shape = np.divide(mu**2, spread, out=np.full(spread.shape, np.inf), where=spread > 0)
    return log_pmf(counts, mu, shape)


def posterior_rate(
    counts: ArrayLike, observed: ArrayLike, mean: ArrayLike, inverse_dispersion: ArrayLike
) -> tuple[Floats, Floats]:
    """(cell, gene) mean and variance of the rate, given the entry itself if it is observed.

    Observed: mu (x + theta) / (mu + theta) and (x + theta) (mu / (mu + theta))^2.  Elsewhere the
    prior: mu and mu^2 / theta.
    """
    x, mu, theta = (np.asarray(a, dtype=float) for a in (counts, mean, inverse_dispersion))
    learnt = 1 + np.where(observed, x, 0.0) / theta
    shrink = 1 + np.where(observed, mu, 0.0) / theta
    return mu * learnt / shrink, mu**2 / theta * learnt / shrink**2


def log_mixture(
    counts: Any, observed: NDArray[np.bool_], means: Floats, inverse_dispersion: ArrayLike
) -> Floats:
    """(cell,) log of the average over n of prod_j p(x_ij | means_nj, theta), in nats.

    The exact log-likelihood of new cells when the prior of a cell's mean profile is the empirical
    distribution of the rows of ``means`` (component, gene), which were fitted to other cells.
    ``counts`` (cell, gene) is sparse or dense; only ``observed`` entries matter.  Means are at
    least :data:`RATE_FLOOR`: otherwise one count of a gene with mean zero in a component would
    exclude this component, and the value of a cell could be minus infinity.
    """
    theta = np.asarray(inverse_dispersion, dtype=float)
    seen = _seen(csr_matrix(counts), observed)
    total = np.full(seen.shape[0], -np.inf)
    for some in _blocks(len(means), 1000):
        mu = np.maximum(means[some], RATE_FLOOR).astype(float)
        total = np.logaddexp(total, logsumexp(_log_products(seen, observed, mu, theta), axis=1))
    return total + _constants(seen, theta) - np.log(len(means))


def _log_products(
    seen: csr_matrix, observed: NDArray[np.bool_], mu: Floats, theta: NDArray[Any]
) -> Floats:
    """(cell, component) sum over observed genes of the parts that depend on the mean."""
    per_count = np.log(mu) - np.log1p(mu / theta)
    per_entry = _absorbed(np.zeros(()), mu, theta)
    whole = observed.all()
    absorbed = per_entry.sum(1) if whole else observed.astype(float) @ per_entry.T
    return seen @ per_count.T - absorbed


def _constants(seen: csr_matrix, theta: NDArray[Any]) -> Floats:
    """(cell,) sum of the parts that do not depend on the mean."""
    of_gene = theta[seen.indices] if theta.ndim else theta
    parts = csr_matrix((log_weight(seen.data, of_gene), seen.indices, seen.indptr), seen.shape)
    return np.asarray(parts.sum(1)).ravel()


def _seen(counts: csr_matrix, observed: NDArray[np.bool_]) -> csr_matrix:
    """The counts, with zero for hidden entries."""
    entries = counts.tocoo()
    keep = observed[entries.row, entries.col]
    values = entries.data[keep].astype(float), (entries.row[keep], entries.col[keep])
    return csr_matrix(values, shape=counts.shape)


def _absorbed(x: NDArray[Any], mu: NDArray[Any], theta: NDArray[Any]) -> Floats:
    """(theta + x) log(1 + mu / theta), whose limit for a large theta is mu."""
    finite = np.where(np.isinf(theta), 1.0, theta)
    return np.where(np.isinf(theta), mu, (finite + x) * np.log1p(mu / finite))


def _log_rising(x: NDArray[Any], theta: NDArray[Any]) -> Floats:
    """R(x, theta): by Stirling's series if the difference of log-gammas would lose precision."""
    rising, small = np.zeros(x.shape), theta < STIRLING
    n, t = x[small], theta[small]
    rising[small] = gammaln(n + t) - gammaln(t) - n * np.log(t)
    large = ~small & np.isfinite(theta)
    n, t = x[large], theta[large]
    series = (t + n - 0.5) * np.log1p(n / t) - n
    rising[large] = series + _stirling(t + n) - _stirling(t)
    return rising


def _stirling(z: NDArray[Any]) -> Floats:
    y = 1 / z
    return y * (1 / 12 - y**2 * (1 / 360 - y**2 / 1260))


def _blocks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))
