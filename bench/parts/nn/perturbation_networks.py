"""Encoder and decoder of the perturbation models: residual towers, and counts around their shares.

    encoder   h = f(W x~ + V d),  q = Normal(A h, sqrt(exp(B h) + 1e-4))   d: additional input
    decoder   mu_ij = l_i softmax(f(z_i))_j + 1e-4,   x_ij ~ NB(mu_ij, theta_j) or Poisson(mu_ij)

f: a first layer with LeakyReLU(0.01), then x + LeakyReLU(W x) for every further one; no batch norm,
no dropout.  x~ is log(1 + x) standardised per gene.  W x~ does not depend on a draw of the globals
and is computed once for all of them.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794 (sams-vae).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from bench.core.variant import DataFacts
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.shares import shares_of

FLOOR = 1e-4
"""Added to variances and to expected counts (sams-vae)."""

CountLaw = Literal["nb", "poisson"]


class ResidualTower(nn.Module):
    """``n_layers`` layers of one width, the first plain, the others residual."""

    def __init__(self, n_in: int, n_hidden: int, n_layers: int) -> None:
        super().__init__()
        widths = [n_in] + [n_hidden] * (n_layers - 1)
        self.layers = nn.ModuleList(nn.Linear(width, n_hidden) for width in widths)

    def forward(self, x: Tensor, also: Tensor | float = 0.0) -> Tensor:
        """(…, in) -> (…, hidden); ``also`` is added to the first layer before its activation."""
        first, *others = self.layers
        hidden = leaky_relu(first(x) + also)
        for layer in others:
            hidden = hidden + leaky_relu(layer(hidden))
        return hidden


class GaussianHead(nn.Module):
    """hidden -> Normal(mean, sqrt(exp(log-variance) + 1e-4))."""

    def __init__(self, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.mean, self.log_variance = nn.Linear(n_hidden, n_out), nn.Linear(n_hidden, n_out)

    def forward(self, hidden: Tensor) -> Gaussian:
        return Gaussian(self.mean(hidden), (self.log_variance(hidden).exp() + FLOOR).sqrt())


class PerturbationEncoder(nn.Module):
    """q(z | x, d): from the counts and ``n_known`` additional inputs."""

    def __init__(
        self, n_genes: int, n_known: int, n_hidden: int, n_layers: int, n_latent: int
    ) -> None:
        super().__init__()
        self.known = nn.Linear(n_known, n_hidden, bias=False) if n_known else None
        self.tower = ResidualTower(n_genes, n_hidden, n_layers)
        self.head = GaussianHead(n_hidden, n_latent)
        if self.known is not None:
            # Initialise as if W and V were one layer: otherwise d would dominate the genes.
            bound = (n_genes + n_known) ** -0.5
            nn.init.uniform_(self.known.weight, -bound, bound)

    def forward(self, looked: Tensor, known: Tensor | None = None) -> Gaussian:
        """(cell, gene) and optionally (cell, known) -> the posterior of (cell, latent)."""
        also = 0.0 if self.known is None or known is None else self.known(known)
        return self.head(self.tower(looked, also))


class ShareDecoder(nn.Module):
    """z -> counts with means that are shares of the library size."""

    def __init__(
        self, n_latent: int, n_hidden: int, n_layers: int, facts: DataFacts, law: CountLaw
    ) -> None:
        super().__init__()
        self.tower = ResidualTower(n_latent, n_hidden, n_layers)
        self.out = nn.Linear(n_hidden, facts.n_genes)
        if law == "nb":
            self.log_dispersion = nn.Parameter(torch.zeros(facts.n_genes))
        self.law = law

    def forward(self, z: Tensor, library: Tensor) -> NegativeBinomial | Poisson:
        """(…, latent) and (…, 1) -> the distribution of (…, gene) counts."""
        rates = shares_of(library, self.out(self.tower(z)), FLOOR)
        if self.law == "poisson":
            return Poisson(rates)
        return NegativeBinomial(rates, self.log_dispersion.exp())
