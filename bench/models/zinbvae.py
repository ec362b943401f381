"""VAE with a zero-inflated negative binomial likelihood.

    z_i       ~ Normal(0, I)
    x_ij | z_i ~ pi delta_0 + (1 - pi) NB(mu(z_i)_j, theta)
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)

w_ij is 1 for observed entries, else 0.  theta and the dropout logit are free parameters,
not decoded.
Source: scmodes (A. Sarkar); here with masks, minibatches and an evaluation mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.count_networks import free_dispersion
from bench.parts.nn.count_vae import CountVAE, DispersedConfig
from bench.parts.nn.distributions import Gaussian, ZeroInflatedNegativeBinomial
from bench.parts.nn.shares import Shares

FEW_DROPOUTS = -3.0
"""Initial dropout logit; from zero, the published value, training takes twice as long."""


@dataclass(frozen=True, kw_only=True)
class ZINBVAEConfig(DispersedConfig):
    """Hyperparameters of the zero-inflated negative binomial VAE."""

    logodds_by_gene: bool = False
    """One dropout logit per gene instead of one for all."""


class ZINBVAE(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: ZINBVAEConfig) -> None:
        super().__init__()
        self.vae = CountVAE(facts, config)
        self.log_inverse_dispersion = free_dispersion(facts, config.start, config.disp_by_gene)
        n_logits = facts.n_genes if config.logodds_by_gene else 1
        logit = FEW_DROPOUTS if config.start == "moments" else 0.0
        self.dropout_logit = nn.Parameter(torch.full((n_logits,), logit))

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.vae.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return self.vae.infer(cells)

    def generate(
        self, latents: Mapping[str, Tensor], cells: Minibatch
    ) -> ZeroInflatedNegativeBinomial:
        return self._around(self.vae.mean(latents, cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        return self.vae.ledger(cells, noise, self._around)

    def _around(self, mean: Tensor | Shares) -> ZeroInflatedNegativeBinomial:
        theta = self.log_inverse_dispersion.exp()
        return ZeroInflatedNegativeBinomial(mean, theta, self.dropout_logit)


VARIANT = Variant(
    label="ZINBVAE",
    needs=frozenset({"counts", "observed"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=ZINBVAEConfig,
    build=ZINBVAE,
    reference="Sarkar and Stephens 2021, Nature Genetics 53, doi:10.1038/s41588-021-00873-4",
)
