"""The encoder and decoder of the count VAEs.  Source: scmodes (A. Sarkar)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.core.variant import DataFacts
from bench.parts.distributions import Gaussian
from bench.parts.networks import normalised_block, plain_block, tower

FLOOR = 1e-15
"""Added to every decoded rate, so that its logarithm exists (scmodes)."""


class GaussianEncoder(nn.Module):
    """q(z | x): blocks of Linear, ReLU, BatchNorm, then a mean and a softplus scale."""

    def __init__(self, n_in: int, n_hidden: int, n_layers: int, n_latent: int) -> None:
        super().__init__()
        n_out = n_hidden if n_layers else n_in
        self.trunk = tower(normalised_block, [n_in] + [n_hidden] * n_layers)
        self.mean = nn.Linear(n_out, n_latent)
        self.scale = nn.Linear(n_out, n_latent)

    def forward(self, seen: Tensor) -> Gaussian:
        """(cell, gene) -> the posterior of (cell, latent)."""
        hidden = self.trunk(seen)
        return Gaussian(self.mean(hidden), softplus(self.scale(hidden)) + FLOOR)


class RateDecoder(nn.Module):
    """z -> (cell, gene) mean counts: a softplus, or a share of the library where one is given."""

    def __init__(
        self, n_latent: int, n_hidden: int, n_layers: int, start: NDArray[np.float32]
    ) -> None:
        super().__init__()
        self.trunk = tower(plain_block, [n_latent] + [n_hidden] * n_layers)
        self.out = nn.Linear(n_hidden if n_layers else n_latent, len(start))
        with torch.no_grad():
            self.out.bias.copy_(torch.from_numpy(start))

    def forward(self, z: Tensor, library: Tensor | None) -> Tensor:
        """(cell, latent) and perhaps (cell, 1) -> (cell, gene) expected counts."""
        decoded = self.out(self.trunk(z))
        if library is None:
            return softplus(decoded) + FLOOR
        return library * decoded.softmax(-1) + FLOOR


def start_of(facts: DataFacts, *, share: bool) -> NDArray[np.float32]:
    """(gene,) decoder bias at which the decoder starts from the mean count of every gene.

    ``share`` for a softmax (log of the mean), else for a softplus (its inverse).
    """
    mean = np.maximum(facts.gene_mean.astype(np.float64), 1e-3)
    softplus_inverse = mean + np.log(-np.expm1(-mean))
    return (np.log(mean) if share else softplus_inverse).astype(np.float32)
