"""Truths: every distribution against scipy, torch or numerical integration."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.func import vmap

from bench.parts.nn.distributions import (
    Gaussian,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from bench.parts.nn.nb_coefficient import log_coefficient

COUNTS = torch.arange(0.0, 40.0, dtype=torch.float64)
MEANS, THETAS = [0.03, 1.7, 25.0], [0.1, 1.0, 30.0]


def tensor(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def nb(mean: float, theta: float) -> NegativeBinomial:
    return NegativeBinomial(tensor(mean), tensor(theta))


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("theta", THETAS)
def test_negative_binomial_is_scipys(mean, theta):
    expected = stats.nbinom.logpmf(COUNTS.numpy(), theta, theta / (theta + mean))
    np.testing.assert_allclose(nb(mean, theta).log_prob(COUNTS), expected, rtol=1e-9)
    np.testing.assert_allclose(nb(mean, theta).log_zero(), expected[0], rtol=1e-9)


@pytest.mark.parametrize("mean", MEANS)
def test_poisson_is_scipys(mean):
    expected = stats.poisson.logpmf(COUNTS.numpy(), mean)
    np.testing.assert_allclose(Poisson(tensor(mean)).log_prob(COUNTS), expected, rtol=1e-9)


@pytest.mark.parametrize("logit", [-3.0, 0.0, 2.0])
@pytest.mark.parametrize("mean", MEANS)
def test_zero_inflation_is_a_mixture_with_a_point_mass(mean, logit):
    lost = stats.logistic.cdf(logit)
    kept = stats.nbinom.pmf(COUNTS.numpy(), 1.3, 1.3 / (1.3 + mean))
    expected = np.log(lost * (COUNTS.numpy() == 0) + (1 - lost) * kept)
    zinb = ZeroInflatedNegativeBinomial(tensor(mean), tensor(1.3), tensor(logit))
    np.testing.assert_allclose(zinb.log_prob(COUNTS), expected, rtol=1e-8)
    np.testing.assert_allclose(zinb.mean, (1 - lost) * mean, rtol=1e-9)


@pytest.mark.parametrize("count", [0.0, 1.0, 9.0])
def test_rate_given_a_count_is_the_integral_over_the_gamma_posterior(count):
    mean, theta = 2.5, 0.7
    prior = stats.gamma(theta, scale=mean / theta)

    def moment(power):
        def integrand(rate):
            return rate**power * prior.pdf(rate) * stats.poisson.pmf(count, rate)

        return integrate.quad(integrand, 0, np.inf, limit=200)[0]

    first, second = moment(1) / moment(0), moment(2) / moment(0)
    found = nb(mean, theta).rate_given(tensor(count), tensor(1.0))
    assert float(found.mean) == pytest.approx(first, rel=1e-6)
    assert float(found.variance) == pytest.approx(second - first**2, rel=1e-5)


def test_rate_of_an_unseen_entry_is_the_prior():
    found = nb(2.5, 0.7).rate_given(tensor(9.0), tensor(0.0))
    assert float(found.mean) == pytest.approx(2.5)
    assert float(found.variance) == pytest.approx(2.5**2 / 0.7)


def test_zero_inflated_rate_uses_the_posterior_of_being_lost():
    zinb = ZeroInflatedNegativeBinomial(tensor(2.5), tensor(0.7), tensor(0.4))
    lost = float(torch.sigmoid(tensor(0.4)))
    zero = stats.nbinom.pmf(0, 0.7, 0.7 / 3.2)
    at_zero = lost / (lost + (1 - lost) * zero)
    one = tensor(1.0)
    kept = nb(2.5, 0.7)
    expected = (1 - at_zero) * float(kept.rate_given(tensor(0.0), one).mean)
    assert float(zinb.rate_given(tensor(0.0), one).mean) == pytest.approx(expected)
    seen = kept.rate_given(tensor(4.0), one).mean
    assert float(zinb.rate_given(tensor(4.0), one).mean) == pytest.approx(float(seen))
    unseen = zinb.rate_given(tensor(4.0), tensor(0.0)).mean
    assert float(unseen) == pytest.approx((1 - lost) * 2.5)


def test_kl_is_torchs_and_zero_between_equals():
    generator = torch.Generator().manual_seed(0)
    q, p = (
        Gaussian(*torch.randn(2, 5, 3, generator=generator, dtype=torch.float64).exp())
        for _ in range(2)
    )
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(*q), torch.distributions.Normal(*p)
    ).sum(-1)
    torch.testing.assert_close(q.kl_to(p), expected)
    standard = Gaussian(torch.zeros(5, 3).double(), torch.ones(5, 3).double())
    torch.testing.assert_close(q.kl_to_standard(), q.kl_to(standard))
    assert standard.kl_to_standard().tolist() == [0.0] * 5


def test_gaussian_log_prob_is_torchs():
    q = Gaussian(torch.tensor([0.3, -1.0]).double(), torch.tensor([0.5, 2.0]).double())
    z = torch.tensor([1.0, 0.0]).double()
    expected = torch.distributions.Normal(*q).log_prob(z).sum()
    torch.testing.assert_close(q.log_prob(z), expected)
    torch.testing.assert_close(q.at(torch.zeros(2).double()), q.mean)


def test_log_coefficient_and_its_gradient():
    counts = torch.tensor([0.0, 1.0, 7.0, 0.0]).double()
    theta = torch.tensor([0.2, 3.0, 0.5, 9.0]).double().requires_grad_()
    expected = torch.lgamma(counts + theta) - torch.lgamma(theta) - torch.lgamma(counts + 1)
    torch.testing.assert_close(log_coefficient(counts, theta), expected)
    assert torch.autograd.gradcheck(lambda t: log_coefficient(counts, t), (theta,))
    scalar = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: log_coefficient(counts, t), (scalar,))


def test_log_coefficient_passes_through_vmap_whichever_argument_is_mapped():
    counts = torch.tensor([[0.0, 2.0], [3.0, 0.0], [1.0, 1.0]]).double()
    theta = torch.tensor([0.5, 2.0, 4.0]).double()
    each = torch.stack([log_coefficient(c, t) for c, t in zip(counts, theta, strict=True)])
    torch.testing.assert_close(vmap(log_coefficient)(counts, theta), each)
    shared = torch.stack([log_coefficient(counts[0], t) for t in theta])
    torch.testing.assert_close(vmap(log_coefficient, in_dims=(None, 0))(counts[0], theta), shared)
    nested = vmap(vmap(log_coefficient, in_dims=(0, None)), in_dims=(None, 0))(counts, theta)
    assert nested.shape == (3, 3, 2)


def test_log_coefficient_gradient_through_vmap():
    counts = torch.tensor([[0.0, 2.0], [3.0, 5.0]]).double()
    theta = torch.tensor([0.5, 2.0]).double().requires_grad_()
    vmap(log_coefficient)(counts, theta).sum().backward()
    expected = (torch.digamma(counts + theta[:, None]) - torch.digamma(theta[:, None])).sum(1)
    torch.testing.assert_close(theta.grad, expected.detach())


@pytest.mark.parametrize(
    "law",
    [
        Poisson(torch.tensor([0.1, 2.0, 40.0])),
        NegativeBinomial(torch.tensor([0.1, 2.0, 40.0]), torch.tensor([0.3])),
        ZeroInflatedNegativeBinomial(
            torch.tensor([0.1, 2.0, 40.0]), torch.tensor([5.0]), torch.tensor([-1.0, 0.0, 1.0])
        ),
    ],
)
def test_samples_follow_the_law(law):
    """Chance: shares of 0, 1 and 2 and the mean; 6 standard errors, below 1e-7 in all."""
    n = 100_000
    wide = law._make(part.expand(n, 3) for part in law)
    drawn = wide.sample(torch.Generator().manual_seed(4)).double()
    for count in (0.0, 1.0, 2.0):
        p = law.log_prob(torch.full((3,), count)).exp().double()
        share = (drawn == count).double().mean(0)
        assert ((share - p).abs() <= 6 * (p * (1 - p) / n).sqrt() + 1e-9).all()
    assert ((drawn.mean(0) - law.mean).abs() < 6 * drawn.std(0) / n**0.5).all()
    again = wide.sample(torch.Generator().manual_seed(4)).double()
    assert torch.equal(drawn, again)
