"""The networks of scVI as published: Linear, BatchNorm (momentum .01, eps 1e-3), ReLU, dropout.

Covariates are additional one-hot input columns of the layers that use them.  The noise argument
determines the dropout mask: a unit with a uniform number above the rate is kept and scaled by
1 / (1 - rate), as in ``nn.Dropout``.  Source: Lopez et al. 2018,
doi:10.1038/s41592-018-0229-2; scvi-tools 1.4.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.parts.nn.distributions import Gaussian

VARIANCE_FLOOR = 1e-4
"""Added to every variance of a posterior (scVI)."""


class ScviLayer(nn.Module):
    """Linear on the input and its covariates, BatchNorm, ReLU, dropout."""

    def __init__(self, n_in: int, n_out: int, n_covariates: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in + n_covariates, n_out)
        self.norm = nn.BatchNorm1d(n_out, momentum=0.01, eps=0.001)
        self.dropout = dropout

    def forward(self, x: Tensor, covariates: Sequence[Tensor], keep: Tensor | None) -> Tensor:
        """(cell, n_in) -> (cell, n_out); ``keep`` (cell, n_out) uniform noise, or None."""
        hidden = self.norm(self.linear(torch.cat([x, *covariates], -1))).relu()
        if keep is None or not self.training or not self.dropout:
            return hidden
        return hidden * (keep > self.dropout) / (1 - self.dropout)


class ScviTower(nn.Module):
    """Hidden layers, all with the same covariates."""

    def __init__(
        self, n_in: int, n_hidden: int, n_layers: int, n_covariates: int, dropout: float
    ) -> None:
        super().__init__()
        widths = [n_in] + [n_hidden] * (n_layers - 1)
        self.layers = nn.ModuleList(
            ScviLayer(width, n_hidden, n_covariates, dropout) for width in widths
        )

    def forward(self, x: Tensor, covariates: Sequence[Tensor], keep: Tensor | None) -> Tensor:
        """``keep`` (cell, layer, n_hidden) uniform noise, or None."""
        for number, layer in enumerate(self.layers):
            x = layer(x, covariates, None if keep is None else keep[:, number])
        return x


class ScviEncoder(nn.Module):
    """q(latent | x): a tower, then a mean and the exponential of a log-variance."""

    def __init__(
        self,
        tower: ScviTower,
        n_hidden: int,
        n_latent: int,
        variance_floor: float = VARIANCE_FLOOR,
    ) -> None:
        super().__init__()
        self.variance_floor = variance_floor
        self.tower = tower
        self.mean = nn.Linear(n_hidden, n_latent)
        self.log_variance = nn.Linear(n_hidden, n_latent)

    def forward(self, x: Tensor, covariates: Sequence[Tensor], keep: Tensor | None) -> Gaussian:
        """(cell, gene) -> the posterior of (cell, latent)."""
        hidden = self.tower(x, covariates, keep)
        variance = self.log_variance(hidden).exp() + self.variance_floor
        return Gaussian(self.mean(hidden), variance.sqrt())
