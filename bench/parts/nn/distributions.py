"""Distributions of counts and latents: small tuples of tensors that pass through ``vmap``.

    Gaussian                 log N(z; m, s)
    Poisson(mu)              x log mu - mu - log x!
    NB(mu, theta)            theta [log theta - log(theta + mu)] + x [log mu - log(theta + mu)]
                             + log Gamma(x + theta) - log Gamma(theta) - log x!
    ZINB(mu, theta, pi)      x = 0: softplus(NB(0) - pi) - softplus(-pi)
                             x > 0: - pi - softplus(-pi) + NB(x)

theta is the inverse dispersion (variance mu + mu^2 / theta), pi the dropout logit.  NB is a Poisson
with rate mu u, u ~ Gamma(theta, theta); log-densities include all constants.  Log-densities are
elementwise for counts and summed over the last axis for latents, in nats.  ``log_likelihood`` sums
over the observed genes of a cell, in one step on the CPU in float32 and by the elementwise form
elsewhere.  Count laws hold dense means or ``Shares``.  ``sample`` is for readouts: it takes a
generator, so it cannot pass through ``vmap``, and tensors on the CPU.
"""

from __future__ import annotations

from math import log, pi
from typing import NamedTuple

import torch
from torch import Tensor

from bench.core.variant import Minibatch
from bench.parts.nn.fused_likelihood import can_fuse, fused_log_likelihood
from bench.parts.nn.nb_coefficient import log_coefficient
from bench.parts.nn.observed import observed_sum, seen_counts
from bench.parts.nn.shares import Shares, dense_mean, parts
from bench.parts.nn.zinb import zinb_log_prob

LOG_2_PI = log(2 * pi)


class Moments(NamedTuple):
    """Posterior mean and variance of the Poisson rate of an entry."""

    mean: Tensor
    variance: Tensor


class Gaussian(NamedTuple):
    """Independent normals over the last axis."""

    mean: Tensor
    scale: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The draw for standard normal ``noise``."""
        return self.mean + self.scale * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """Log-density, summed over the last axis."""
        standard = (z - self.mean) / self.scale
        return (-0.5 * standard**2 - self.scale.log() - 0.5 * LOG_2_PI).sum(-1)

    def kl_to_standard(self) -> Tensor:
        """KL to N(0, I), summed over the last axis."""
        return 0.5 * (self.mean**2 + self.scale**2 - 1 - 2 * self.scale.log()).sum(-1)

    def kl_to(self, other: Gaussian) -> Tensor:
        """KL to another diagonal Gaussian, summed over the last axis."""
        ratio = (self.scale / other.scale) ** 2
        shift = ((self.mean - other.mean) / other.scale) ** 2
        return 0.5 * (ratio + shift - 1 - ratio.log()).sum(-1)


class Poisson(NamedTuple):
    """Poisson counts."""

    rates: Tensor | Shares
    """Expected counts."""

    @property
    def mean(self) -> Tensor:
        """Expected counts, independent of the entry."""
        return dense_mean(self.rates)

    @property
    def expressed(self) -> Tensor:
        """Expected counts before dropout, equal to the mean."""
        return self.mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """Samples of the counts."""
        return torch.poisson(self.mean, generator=generator)

    def log_prob(self, counts: Tensor) -> Tensor:
        """Elementwise log-probability."""
        rate = self.mean
        return counts * rate.log() - rate - torch.lgamma(counts + 1)

    def log_likelihood(self, cells: Minibatch) -> Tensor:
        """(…, cell) log-probability of the observed counts, summed over genes."""
        if can_fuse(*parts(self.rates), cells["counts"]):
            return fused_log_likelihood(self.rates, None, None, cells)
        return observed_sum(self.log_prob(seen_counts(cells)), cells)

    def rate_given(self, counts: Tensor, observed: Tensor) -> Moments:
        """Given z the rate is fixed, so it does not depend on the entry."""
        rate = self.mean
        return Moments(rate, torch.zeros_like(rate))


class NegativeBinomial(NamedTuple):
    """Counts with Gamma noise on their rate."""

    rates: Tensor | Shares
    """Expected counts."""
    inverse_dispersion: Tensor

    @property
    def mean(self) -> Tensor:
        """Expected counts, independent of the entry."""
        return dense_mean(self.rates)

    @property
    def expressed(self) -> Tensor:
        """Expected counts before dropout, equal to the mean."""
        return self.mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """Samples of the counts: Poisson with rates from the Gamma."""
        mean = self.mean
        theta = self.inverse_dispersion.expand_as(mean)
        noise = torch._standard_gamma(theta, generator=generator) / theta
        return torch.poisson(mean * noise, generator=generator)

    def log_prob(self, counts: Tensor) -> Tensor:
        """Elementwise log-probability."""
        mu, theta = self.mean, self.inverse_dispersion
        log_total = (theta + mu).log()
        smooth = theta * (theta.log() - log_total) + counts * (mu.log() - log_total)
        return smooth + log_coefficient(counts, theta)

    def log_likelihood(self, cells: Minibatch) -> Tensor:
        """(…, cell) log-probability of the observed counts, summed over genes."""
        if can_fuse(*parts(self.rates), self.inverse_dispersion, cells["counts"]):
            return fused_log_likelihood(self.rates, self.inverse_dispersion, None, cells)
        return observed_sum(self.log_prob(seen_counts(cells)), cells)

    def log_zero(self) -> Tensor:
        """Log-probability of a count of zero."""
        theta = self.inverse_dispersion
        return theta * (theta.log() - (theta + self.mean).log())

    def rate_given(self, counts: Tensor, observed: Tensor) -> Moments:
        """Gamma(x + theta, theta / mu + 1) for visible entries, else Gamma(theta, theta / mu)."""
        mu, theta = self.mean, self.inverse_dispersion
        shrink = mu / (mu + theta)
        mean = torch.where(observed > 0, (counts + theta) * shrink, mu)
        variance = torch.where(observed > 0, (counts + theta) * shrink**2, mu**2 / theta)
        return Moments(mean, variance)


class ZeroInflatedNegativeBinomial(NamedTuple):
    """A negative binomial with dropout of counts with probability sigmoid(dropout_logit)."""

    rates: Tensor | Shares
    """Expected counts without dropout."""
    inverse_dispersion: Tensor
    dropout_logit: Tensor

    @property
    def kept(self) -> NegativeBinomial:
        """The law without dropout."""
        return NegativeBinomial(self.rates, self.inverse_dispersion)

    @property
    def mean(self) -> Tensor:
        """Expected counts, independent of the entry."""
        return torch.sigmoid(-self.dropout_logit) * self.kept.mean

    @property
    def expressed(self) -> Tensor:
        """Expected counts before dropout."""
        return self.kept.mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """Samples of the negative binomial, with dropout."""
        counts = self.kept.sample(generator)
        chance = torch.rand(counts.shape, generator=generator, dtype=counts.dtype)
        return counts * (chance >= torch.sigmoid(self.dropout_logit))

    def log_prob(self, counts: Tensor) -> Tensor:
        """Elementwise log-probability."""
        theta, logit = self.inverse_dispersion, self.dropout_logit
        return zinb_log_prob(counts, self.kept.mean, theta, logit)

    def log_likelihood(self, cells: Minibatch) -> Tensor:
        """(…, cell) log-probability of the observed counts, summed over genes."""
        theta, logit = self.inverse_dispersion, self.dropout_logit
        if can_fuse(*parts(self.rates), theta, logit, cells["counts"]):
            return fused_log_likelihood(self.rates, theta, logit, cells)
        return observed_sum(self.log_prob(seen_counts(cells)), cells)

    def dropped_given(self, counts: Tensor, observed: Tensor) -> Tensor:
        """Probability of dropout: zero for a positive count, the prior for a hidden entry."""
        at_zero = torch.sigmoid(self.dropout_logit - self.kept.log_zero())
        posterior = torch.where(counts > 0, torch.zeros_like(at_zero), at_zero)
        return torch.where(observed > 0, posterior, torch.sigmoid(self.dropout_logit))

    def rate_given(self, counts: Tensor, observed: Tensor) -> Moments:
        """Mixture of a rate of zero (dropout) and the rate of the negative binomial.

        After dropout the observed count has no information about the expression of the gene, but
        the rate of *observed* counts is zero: this is the rate of a second draw of the entry.
        """
        nb = self.kept.rate_given(counts, observed)
        lost = self.dropped_given(counts, observed)
        mean = (1 - lost) * nb.mean
        return Moments(mean, (1 - lost) * (nb.variance + nb.mean**2) - mean**2)
