"""Truths: the numpy densities against scipy.stats and brute force."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.sparse import csr_matrix
from scipy.special import logsumexp
from scipy.stats import gamma, nbinom, poisson

from bench.parts.counts.count_densities import (
    RATE_FLOOR,
    log_mixture,
    log_pmf,
    poisson_log_pmf,
    posterior_rate,
    predictive_log_pmf,
)

COUNTS = np.array([0, 1, 2, 7, 50, 400])
MEANS = np.array([[1e-3], [0.4], [3.0], [90.0]])


def reference(counts: NDArray, mean: NDArray, theta: float | NDArray) -> NDArray:
    """Scipy's own, finite or infinite theta."""
    if np.isinf(theta).all():
        return poisson.logpmf(counts, mean)
    return nbinom.logpmf(counts, theta, theta / (theta + mean))


@pytest.mark.parametrize("theta", [1e-3, 0.1, 1.0, 7.5, 99.9, 100.1, 1e3, np.inf])
def test_log_pmf_is_scipys(theta: float) -> None:
    ours = log_pmf(COUNTS, MEANS, theta)
    np.testing.assert_allclose(ours, reference(COUNTS, MEANS, theta), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("theta", [1e10, 1e12, 1e200])
def test_log_pmf_tends_to_the_poisson(theta: float) -> None:
    """To first order by x, mu squared over theta, where scipy's own has lost its digits."""
    change = ((COUNTS - MEANS) ** 2 - COUNTS) / (2 * theta)
    near = poisson.logpmf(COUNTS, MEANS) + change
    np.testing.assert_allclose(log_pmf(COUNTS, MEANS, theta), near, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("theta", [0.3, 120.0, np.inf])
def test_probabilities_add_up_to_one(theta: float) -> None:
    assert np.exp(log_pmf(np.arange(3000), 4.0, theta)).sum() == pytest.approx(1, abs=1e-11)


def test_a_mean_of_zero_allows_zeros_only() -> None:
    np.testing.assert_array_equal(log_pmf([0, 3], 0.0, np.inf), [0, -np.inf])
    np.testing.assert_array_equal(log_pmf([0, 3], 0.0, 0.5), [0, -np.inf])


def test_dispersions_may_differ_by_gene_and_be_infinite() -> None:
    theta = np.array([0.2, np.inf, 300.0])
    ours = log_pmf(np.array([[3, 3, 3]]), 2.0, theta)
    apart = [log_pmf(3, 2.0, each) for each in theta]
    np.testing.assert_array_equal(ours[0], apart)


def test_scored_rates_have_a_floor() -> None:
    assert poisson_log_pmf(1, 0.0) == pytest.approx(np.log(RATE_FLOOR), abs=1e-5)
    assert predictive_log_pmf(1, 0.0, 0.0) == pytest.approx(np.log(RATE_FLOOR), abs=1e-5)
    np.testing.assert_allclose(
        poisson_log_pmf(COUNTS, MEANS), poisson.logpmf(COUNTS, MEANS), rtol=1e-12, atol=1e-12
    )


def test_predictive_has_the_given_moments() -> None:
    mean, variance, counts = 3.0, 5.0, np.arange(4000)
    p = np.exp(predictive_log_pmf(counts, mean, variance))
    assert p.sum() == pytest.approx(1, abs=1e-10)
    assert (p * counts).sum() == pytest.approx(mean, rel=1e-9)
    assert (p * (counts - mean) ** 2).sum() == pytest.approx(mean + variance, rel=1e-9)
    np.testing.assert_array_equal(
        predictive_log_pmf(COUNTS, 3.0, 0.0), log_pmf(COUNTS, 3.0, np.inf)
    )


@pytest.mark.parametrize("count", [0, 1, 6])
def test_posterior_rate_is_bayes_rule(count: int) -> None:
    mean, theta = 1.7, 0.6

    def moment(power: int) -> float:
        def integrand(rate: float) -> float:
            prior = gamma.pdf(rate, theta, scale=mean / theta)
            return rate**power * poisson.pmf(count, rate) * prior

        return quad(integrand, 0, 1, limit=200)[0] + quad(integrand, 1, 80, limit=200)[0]

    expected = moment(1) / moment(0)
    ours = posterior_rate(count, True, mean, theta)
    assert ours[0] == pytest.approx(expected, rel=1e-5)
    assert ours[1] == pytest.approx(moment(2) / moment(0) - expected**2, rel=1e-5)


def test_posterior_rate_is_the_prior_where_nobody_may_look() -> None:
    theta = np.array([0.5, np.inf])
    mean, variance = posterior_rate([[9, 9]], [[False, False]], [[2.0, 2.0]], theta)
    np.testing.assert_array_equal(mean, [[2, 2]])
    np.testing.assert_array_equal(variance, [[8, 0]])
    mean, variance = posterior_rate([[9, 9]], [[True, True]], [[2.0, 2.0]], theta)
    np.testing.assert_allclose(mean, [[2 * 9.5 / 2.5, 2]], rtol=1e-14)
    np.testing.assert_allclose(variance, [[9.5 * 0.8**2, 0]], rtol=1e-14)


@pytest.mark.parametrize("theta", [0.5, np.inf, np.array([0.3, np.inf, 4.0, 150.0, 2.0, 0.9])])
@pytest.mark.parametrize("share_observed", [1.0, 0.7])
def test_mixture_is_the_double_loop(theta: float | NDArray, share_observed: float) -> None:
    rng = np.random.default_rng(0)
    means, counts = rng.gamma(0.5, 4.0, size=(7, 6)), rng.poisson(2.0, size=(5, 6))
    observed = rng.random(counts.shape) < share_observed
    expected = np.empty(5)
    for i in range(5):
        each = [np.where(observed[i], log_pmf(counts[i], m, theta), 0).sum() for m in means]
        expected[i] = logsumexp(each) - np.log(7)
    spoilt = csr_matrix(np.where(observed, counts, 77))
    for given in (counts, csr_matrix(counts), spoilt):
        ours = log_mixture(given, observed, means, theta)
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


def test_mixture_over_more_components_than_a_block() -> None:
    rng = np.random.default_rng(0)
    means, counts = rng.gamma(1.0, 2.0, size=(2300, 3)), np.array([[0, 4, 1]])
    each = log_pmf(counts, means, 0.8).sum(1)
    expected = logsumexp(each) - np.log(2300)
    ours = log_mixture(counts, np.ones((1, 3), dtype=bool), means, 0.8)
    assert ours[0] == pytest.approx(expected, rel=1e-12)


def test_mixture_stays_finite_where_no_component_saw_the_gene() -> None:
    ours = log_mixture(np.array([[1, 0]]), np.ones((1, 2), dtype=bool), np.zeros((3, 2)), np.inf)
    assert ours[0] == pytest.approx(np.log(RATE_FLOOR), abs=1e-4)
