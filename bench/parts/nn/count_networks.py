"""The encoder and decoder of the count VAEs.  Source: scmodes (A. Sarkar), with additions.

The input of the encoder is f(x) = x or log(1 + x), standardised per gene over the observed training
entries; it is zero, the mean, for missing entries.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.core.variant import DataFacts, Minibatch
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.networks import normalised_block, plain_block, tower
from bench.parts.nn.observed import all_observed, log_seen_counts, seen_counts
from bench.parts.nn.shares import Shares, shares_of

FLOOR = 1e-15
"""Added to every decoded rate, so that its logarithm is finite (scmodes)."""

FEWEST_COUNTS = 1e-3
"""Minimum initial mean of a gene in the decoder: the logarithm of zero is not finite."""

Looks = Literal["raw", "log1p"]
Start = Literal["moments", "plain"]


class EncoderInput(nn.Module):
    """The input of the encoder for given counts."""

    mean: Tensor
    sd: Tensor

    def __init__(self, facts: DataFacts, looks: Looks, standardize: bool) -> None:
        super().__init__()
        self.looks = looks
        mean, sd = (facts.gene_mean, facts.gene_sd) if looks == "raw" else facts.log_moments
        # A gene without training counts has no scale, but held-out cells may express it.
        spread = np.where(sd > 0, sd, 1).astype(sd.dtype)
        scaled = [mean, spread] if standardize else [0 * mean, 1 + 0 * sd]
        self.register_buffer("mean", torch.tensor(scaled[0]))
        self.register_buffer("sd", torch.tensor(scaled[1]))

    def forward(self, cells: Minibatch) -> Tensor:
        """(cell, gene), zero for hidden entries."""
        looked = seen_counts(cells) if self.looks == "raw" else log_seen_counts(cells)
        scaled = (looked - self.mean) / self.sd
        return scaled if all_observed(cells) else scaled * cells["observed"]


class GaussianEncoder(nn.Module):
    """q(z | x): hidden layers with ReLU, then a mean and a softplus scale."""

    def __init__(
        self, n_in: int, n_hidden: int, n_layers: int, n_latent: int, batch_norm: bool
    ) -> None:
        super().__init__()
        block = normalised_block if batch_norm else plain_block
        n_out = n_hidden if n_layers else n_in
        self.trunk = tower(block, [n_in] + [n_hidden] * n_layers)
        self.mean = nn.Linear(n_out, n_latent)
        self.scale = nn.Linear(n_out, n_latent)

    def forward(self, looked: Tensor) -> Gaussian:
        """(cell, gene) -> the posterior of (cell, latent)."""
        hidden = self.trunk(looked)
        return Gaussian(self.mean(hidden), softplus(self.scale(hidden)) + FLOOR)


class RateDecoder(nn.Module):
    """z -> (cell, gene) mean counts: a softplus, or shares of the library size if it is given."""

    def __init__(self, n_latent: int, n_hidden: int, n_layers: int, n_genes: int) -> None:
        super().__init__()
        self.trunk = tower(plain_block, [n_latent] + [n_hidden] * n_layers)
        self.out = nn.Linear(n_hidden if n_layers else n_latent, n_genes)

    def start_at_means(self, facts: DataFacts, *, share: bool) -> None:
        """Set the bias such that the initial decoded rates are the mean counts of the genes."""
        mean = torch.tensor(np.maximum(facts.gene_mean, FEWEST_COUNTS)).double()
        start = mean.log() if share else mean + (-torch.expm1(-mean)).log()
        with torch.no_grad():
            self.out.bias.copy_(start)

    def forward(self, z: Tensor, library: Tensor | None) -> Tensor | Shares:
        """(cell, latent) and optionally (cell, 1) -> (cell, gene) expected counts."""
        decoded = self.out(self.trunk(z))
        if library is None:
            return softplus(decoded) + FLOOR
        return shares_of(library, decoded, FLOOR)


def free_dispersion(facts: DataFacts, start: Start, by_gene: bool) -> nn.Parameter:
    """log theta, (gene,) or (1,), at its start."""
    n_dispersions = facts.n_genes if by_gene else 1
    return nn.Parameter(torch.full((n_dispersions,), starting_dispersion(facts, start)))


def starting_dispersion(facts: DataFacts, start: Start) -> float:
    """Initial log theta: 0, or the moment estimate sum m^2 / sum (v - m) over genes.

    From 0, at a learning rate of 1e-3, log theta needs thousands of steps to reach typical values
    of counts, and meanwhile the network fits noise (measured, docs/results/counts.md).
    """
    if start == "plain":
        return 0.0
    mean, variance = facts.gene_mean.astype(float), facts.gene_sd.astype(float) ** 2
    surplus = max(float((variance - mean).sum()), 1e-8)
    return float(np.log(np.clip((mean**2).sum() / surplus, 1e-3, 1e3)))
