"""Posteriors of the shifts of latents by treatments: masks, and embeddings.

    q(m_tk) = Bernoulli(sigmoid(l_tk)),  l initially 0; straight-through draws: 0 or 1 forward, the
              gradient of sigmoid((l + logit u) / temperature) backward
    mean field   q(e_tk) = Normal(a_tk, exp(s_tk) + 1e-4),  a and s initially 0
    correlated   q(e_t | m_t) = Normal(f([m_t, 1_t])),  one network for all treatments

All are (treatment, latent).  The posterior of a treatment without training cells is the prior.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794; Maddison et al. 2017, arXiv 1611.00712.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.perturbation_networks import FLOOR, GaussianHead, ResidualTower


class MaskPosterior(nn.Module):
    """Posterior of the mask: the latents that a treatment shifts."""

    def __init__(self, n_columns: int, n_latent: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.logit = nn.Parameter(torch.zeros(n_columns, n_latent))

    @property
    def probability(self) -> Tensor:
        """(treatment, latent) probability of a shift."""
        return self.logit.sigmoid()

    def at(self, uniform: Tensor) -> Tensor:
        """The draw of zeros and ones for uniform noise."""
        return straight_through(self.logit, uniform, self.temperature)

    def kl_to(self, log_on: Tensor, log_off: Tensor) -> Tensor:
        """(treatment,) KL to Bernoulli priors, given the logs of their probabilities of 1 and 0."""
        on = self.logit.sigmoid() * (logsigmoid(self.logit) - log_on)
        off = (-self.logit).sigmoid() * (logsigmoid(-self.logit) - log_off)
        return (on + off).sum(-1)


class MeanFieldEmbedding(nn.Module):
    """Posterior of the shift of each latent, independent of the mask."""

    def __init__(self, n_columns: int, n_latent: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(n_columns, n_latent))
        self.log_scale = nn.Parameter(torch.zeros(n_columns, n_latent))

    def forward(self, mask: Tensor | None = None) -> Gaussian:
        """The posterior, which is the same for every mask."""
        return Gaussian(self.mean, self.log_scale.exp() + FLOOR)


class CorrelatedEmbedding(nn.Module):
    """Posterior of the shift of each latent, given the mask."""

    own: Tensor

    def __init__(self, n_columns: int, n_latent: int, n_hidden: int, n_layers: int) -> None:
        super().__init__()
        self.register_buffer("own", torch.eye(n_columns))
        self.tower = ResidualTower(n_latent + n_columns, n_hidden, n_layers)
        self.head = GaussianHead(n_hidden, n_latent)

    def forward(self, mask: Tensor) -> Gaussian:
        return self.head(self.tower(torch.cat([mask, self.own], -1)))


def straight_through(logit: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """Zeros and ones, with the gradient of the relaxed draw."""
    soft = ((logit + logit_of(uniform)) / temperature).sigmoid()
    return soft + ((soft > 0.5).to(soft.dtype) - soft).detach()


def mask_shares(logit: Tensor, seen: Tensor) -> dict[str, Tensor]:
    """() shares of the mask entries with probability at least 0.5, at least 0.8, and at most 0.2.

    Over treatments with training cells: ``seen`` (treatment,) is 1 for these, else 0.
    """
    counted = seen[:, None].expand_as(logit)
    on, n_entries = logit.sigmoid(), counted.sum().clamp_min(1)
    shares = {"likely": on >= 0.5, "on": on >= 0.8, "off": on <= 0.2}
    return {f"mask_{name}": (is_so * counted).sum() / n_entries for name, is_so in shares.items()}


def logit_of(uniform: Tensor) -> Tensor:
    """log u - log (1 - u), finite at both ends."""
    inside = uniform.clamp(1e-6, 1 - 1e-6)
    return inside.log() - (-inside).log1p()
