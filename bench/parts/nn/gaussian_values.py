"""Real values instead of counts: encoder input, decoder and normal distribution.

x_ij ~ Normal(f(z_i)_j, s_j)      s shared by all cells, or decoded from z
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bench.core.variant import DataFacts, Minibatch
from bench.parts.nn.distributions import LOG_2_PI
from bench.parts.nn.observed import observed_sum
from bench.parts.nn.perturbation_networks import ResidualTower

ValueLaw = Literal["normal", "normal_fixed_variance"]


class NormalValues(NamedTuple):
    """Independent normals, one per entry."""

    mean: Tensor
    scale: Tensor

    def log_prob(self, values: Tensor) -> Tensor:
        """Elementwise log-density."""
        standard = (values - self.mean) / self.scale
        return -0.5 * (standard**2 + LOG_2_PI) - self.scale.log()

    def log_likelihood(self, cells: Minibatch) -> Tensor:
        """(…, cell) log-density of the observed values, summed over genes."""
        return observed_sum(self.log_prob(seen_values(cells)), cells)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Samples of the values."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)
        return self.mean + self.scale * noise


def seen_values(cells: Minibatch) -> Tensor:
    """(cell, gene) values, zero for hidden entries."""
    values = cells["values"]
    return values.where(cells["observed"] > 0, values.new_zeros(()))


class ValueInput(nn.Module):
    """The input of the encoder: values standardised per gene, zero for hidden entries."""

    mean: Tensor
    sd: Tensor

    def __init__(self, facts: DataFacts) -> None:
        super().__init__()
        spread = np.where(facts.gene_sd > 0, facts.gene_sd, 1).astype(np.float32)
        self.register_buffer("mean", torch.tensor(facts.gene_mean))
        self.register_buffer("sd", torch.tensor(spread))

    def forward(self, cells: Minibatch) -> Tensor:
        return (seen_values(cells) - self.mean) / self.sd * cells["observed"]


class ValueDecoder(nn.Module):
    """z -> the distribution of (…, gene) values."""

    def __init__(
        self, n_latent: int, n_hidden: int, n_layers: int, n_genes: int, law: ValueLaw
    ) -> None:
        super().__init__()
        self.tower = ResidualTower(n_latent, n_hidden, n_layers)
        self.mean = nn.Linear(n_hidden, n_genes)
        if law == "normal":
            self.log_variance_of = nn.Linear(n_hidden, n_genes)
        else:
            self.log_variance = nn.Parameter(torch.zeros(n_genes))
        self.law = law

    def forward(self, z: Tensor) -> NormalValues:
        hidden = self.tower(z)
        log_variance = self.log_variance_of(hidden) if self.law == "normal" else self.log_variance
        return NormalValues(self.mean(hidden), (0.5 * log_variance).exp())
