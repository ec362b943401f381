"""A latent with a prior per cell type, and sums over the type of unlabelled cells.

    y ~ Categorical(1/C)      u ~ Normal(0, I)      z | u, y ~ Normal(m(u, y), s(u, y))
    q(u | z, y) Gaussian      q(y | z) = softmax of a classifier's logits

With weights w_y = q(y | z), or 1 for a known type and 0 for the others, the terms of - ELBO are

    kl_z      log q(z | x) - sum_y w_y log p(z | u_y, y)           u_y ~ q(u | z, y)
    kl_u      sum_y w_y KL(q(u | z, y) || N(0, I))
    kl_type   sum_y w_y (log w_y + log C)

and the term of the log importance weight, an exact sum over y without the classifier, is

    log sum_y (1/C) p(z | u_y, y) p(u_y) / q(u_y | z, y) - log q(z | x)

(known type: one summand).  Source: Kingma et al. 2014, arXiv 1406.5298; Xu et al. 2021,
doi:10.15252/msb.20209620.
"""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.parts.nn.latents import log_standard_normal
from bench.parts.nn.scvi_networks import ScviEncoder, ScviTower


class OfEveryType(NamedTuple):
    """Terms of a cell's latent under each type; (cell, type) each, nats."""

    log_prior: Tensor
    """log p(z | u_y, y)."""
    kl_u: Tensor
    """KL(q(u | z, y) || N(0, I))."""
    log_ratio_u: Tensor
    """log p(u_y) - log q(u_y | z, y) at the draw."""


class TypedPrior(nn.Module):
    """p(z | u, y) and q(u | z, y): two networks with the type as input of every layer."""

    def __init__(
        self,
        sizes: tuple[int, int],
        n_types: int,
        *,
        n_hidden: int,
        n_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        """``sizes`` are those of z and u; dropout is that of q(u | z, y)."""
        super().__init__()
        n_latent, n_within = sizes
        self.n_types = n_types
        down = ScviTower(n_latent, n_hidden, n_layers, n_types, dropout)
        up = ScviTower(n_within, n_hidden, n_layers, n_types, 0.0)
        self.within = ScviEncoder(down, n_hidden, n_within)
        self.prior = ScviEncoder(up, n_hidden, n_latent, variance_floor=0.0)

    def forward(self, z: Tensor, noise: Tensor, keep: Tensor | None = None) -> OfEveryType:
        """``z`` (cell, n_latent), ``noise`` (cell, n_within), ``keep`` (type x cell, …) uniform."""
        n_cells = z.shape[0]
        kind = torch.eye(self.n_types, dtype=z.dtype, device=z.device)
        kinds = kind.repeat_interleave(n_cells, 0)
        each_z, each_noise = z.repeat(self.n_types, 1), noise.repeat(self.n_types, 1)
        q = self.within(each_z, [kinds], keep)
        u = q.at(each_noise)
        prior = self.prior(u, [kinds], None)
        costs = (
            prior.log_prob(each_z),
            q.kl_to_standard(),
            log_standard_normal(u) - q.log_prob(u),
        )
        return OfEveryType(*(cost.reshape(self.n_types, n_cells).T for cost in costs))


class Summed(NamedTuple):
    """The terms of a cell after the sum over types."""

    local: dict[str, Tensor]
    """``kl_z``, ``kl_u`` and ``kl_type``: (cell,) nats."""
    log_weight: Tensor
    """(cell,) the part of the latents in the log importance weight."""
    slack: Tensor
    """(cell,) KL(q(y | z) || p(y | z, u)) in expectation: the gap of the trained bound, because the
    weights of the types come from the classifier and not from their posterior."""


def summed_over_types(
    each: OfEveryType, log_q_z: Tensor, logits: Tensor, known: Tensor | None = None
) -> Summed:
    """The terms of the docstring; ``known`` (cell,) code or -1, None without labels."""
    n_types = logits.shape[-1]
    log_share = logits.log_softmax(-1)
    share, information = log_share.exp(), (log_share.exp() * log_share).sum(-1)
    joint = each.log_prior + each.log_ratio_u - log(n_types)
    log_prior = joint.logsumexp(-1)
    if known is not None:
        is_labelled, chosen = known >= 0, one_hot(known.clamp_min(0), n_types).to(share.dtype)
        share = torch.where(is_labelled[..., None], chosen, share)
        information = torch.where(is_labelled, 0.0, information)
        log_prior = torch.where(is_labelled, (chosen * joint).sum(-1), log_prior)
    local = {
        "kl_z": log_q_z - (share * each.log_prior).sum(-1),
        "kl_u": (share * each.kl_u).sum(-1),
        "kl_type": information + log(n_types),
    }
    slack = log_prior - (share * joint).sum(-1) + information
    return Summed(local, log_prior - log_q_z, slack)


class TypeClassifier(nn.Module):
    """Logits of q(y | z): an optional tower, and a linear layer without normalisation."""

    def __init__(
        self, n_latent: int, n_types: int, *, n_hidden: int, n_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.tower = ScviTower(n_latent, n_hidden, n_layers, 0, dropout) if n_layers else None
        self.logits = nn.Linear(n_hidden if n_layers else n_latent, n_types)

    def forward(self, z: Tensor, keep: Tensor | None = None) -> Tensor:
        """(cell, type); ``keep`` (cell, layer, n_hidden) uniform noise, or None."""
        return self.logits(self.tower(z, [], keep) if self.tower else z)


def cross_entropy(logits: Tensor, known: Tensor) -> Tensor:
    """(cell,) - log q(y | z) of the known type, nats; zero for unlabelled cells."""
    log_share = logits.log_softmax(-1)
    mine = log_share.gather(-1, known.clamp_min(0)[..., None])[..., 0]
    return torch.where(known >= 0, -mine, 0.0)


def mean_over_known(cost: Tensor, known: Tensor) -> Tensor:
    """() mean over labelled cells of (cell,) losses that are zero elsewhere; or zero."""
    return cost.sum() / (known >= 0).sum().clamp_min(1)
