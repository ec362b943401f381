"""VAE with a negative binomial likelihood.

    z_i       ~ Normal(0, I)
    x_ij | z_i ~ NB(mu(z_i)_j, theta)        variance mu + mu^2 / theta
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)

w_ij is 1 for observed entries, else 0.  theta is a free parameter, not decoded: it
represents unstructured noise.
Source: scmodes (A. Sarkar); here with masks, minibatches and an evaluation mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.count_networks import free_dispersion
from bench.parts.nn.count_vae import CountVAE, DispersedConfig
from bench.parts.nn.distributions import Gaussian, NegativeBinomial
from bench.parts.nn.shares import Shares


@dataclass(frozen=True, kw_only=True)
class NBVAEConfig(DispersedConfig):
    """Hyperparameters of the negative binomial VAE."""


class NBVAE(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: NBVAEConfig) -> None:
        super().__init__()
        self.vae = CountVAE(facts, config)
        self.log_inverse_dispersion = free_dispersion(facts, config.start, config.disp_by_gene)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.vae.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return self.vae.infer(cells)

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> NegativeBinomial:
        return self._around(self.vae.mean(latents, cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        return self.vae.ledger(cells, noise, self._around)

    def _around(self, mean: Tensor | Shares) -> NegativeBinomial:
        return NegativeBinomial(mean, self.log_inverse_dispersion.exp())


VARIANT = Variant(
    label="NBVAE",
    needs=frozenset({"counts", "observed"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=NBVAEConfig,
    build=NBVAE,
    reference="Sarkar and Stephens 2021, Nature Genetics 53, doi:10.1038/s41588-021-00873-4",
)
