"""Latents by name: draws, posterior means, and their terms in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, pi
from typing import TYPE_CHECKING

from bench.core.ledger import LossTerms
from bench.core.variant import Posterior

if TYPE_CHECKING:
    from torch import Tensor

    from bench.parts.nn.distributions import Gaussian

Posteriors = Mapping[str, Posterior]
Gaussians = Mapping[str, "Gaussian"]
Latents = Mapping[str, "Tensor"]


def at_draw(posterior: Posteriors, noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A draw of every latent, from its noise."""
    return {name: q.at(noise[name]) for name, q in posterior.items()}


def at_mean(posterior: Posteriors) -> dict[str, Tensor]:
    """Every latent at its posterior mean: the plug-in value."""
    return {name: q.mean for name, q in posterior.items()}


def log_standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I), summed over the last axis, nats."""
    return -0.5 * (z.square() + log(2 * pi)).sum(-1)


def standard_normal_ledger(
    log_likelihood: Tensor, posterior: Gaussians, latents: Latents
) -> LossTerms:
    """The ledger of a model whose latents have standard normal priors.

    ``log_likelihood`` (cell,) in nats.  The terms of the ELBO use the KL in closed form; the
    importance weight uses the log-ratio at the draw, so that its mean is unbiased for p(x).
    """
    log_weight = log_likelihood
    for name, q in posterior.items():
        log_weight = log_weight + log_standard_normal(latents[name]) - q.log_prob(latents[name])
    kl = {f"kl_{name}": q.kl_to_standard() for name, q in posterior.items()}
    local = {"reconstruction": -log_likelihood, **kl}
    return LossTerms.of(local=local, log_weight=log_weight)
