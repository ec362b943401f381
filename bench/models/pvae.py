"""VAE with a Poisson likelihood.

    z_i       ~ Normal(0, I)
    x_ij | z_i ~ Poisson(mu(z_i)_j)
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)

w_ij is 1 for observed entries, else 0; the likelihood is summed over observed entries.
Source: scmodes (A. Sarkar); here with masks, minibatches and an evaluation mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.count_vae import CountVAE, CountVAEConfig
from bench.parts.nn.distributions import Gaussian, Poisson


@dataclass(frozen=True, kw_only=True)
class PVAEConfig(CountVAEConfig):
    """Hyperparameters of the Poisson VAE."""


class PVAE(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: PVAEConfig) -> None:
        super().__init__()
        self.vae = CountVAE(facts, config)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.vae.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return self.vae.infer(cells)

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Poisson:
        return Poisson(self.vae.mean(latents, cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        return self.vae.ledger(cells, noise, Poisson)


VARIANT = Variant(
    label="PVAE",
    needs=frozenset({"counts", "observed"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=PVAEConfig,
    build=PVAE,
    reference="Sarkar and Stephens 2021, Nature Genetics 53, doi:10.1038/s41588-021-00873-4",
)
