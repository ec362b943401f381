"""VAE with a Poisson likelihood.

    z_i       ~ Normal(0, I)
    x_ij | z_i ~ Poisson(mu(z_i)_j)
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)

w_ij is 1 where the entry is observed, else 0; the likelihood is summed over observed entries.
Source: scmodes (A. Sarkar); here with masks, minibatches and an evaluation mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.count_networks import GaussianEncoder, RateDecoder, start_of
from bench.parts.distributions import Gaussian, Poisson
from bench.parts.latents import at_draw, standard_normal_ledger
from bench.parts.visible import encoder_input, library_size, seen_counts


@dataclass(frozen=True, kw_only=True)
class PVAEConfig:
    """Hyperparameters of the Poisson VAE."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    """Width of every hidden layer."""
    n_layers: Annotated[int, Ge(0)] = 2
    """Hidden layers of the encoder and of the decoder; 0 makes both linear."""
    encoder_input: Literal["raw", "log1p"] = "log1p"
    library_offset: bool = False
    """Decode shares of the cell's library size, given, instead of free rates."""


class PVAE(nn.Module):
    """One replicate, one draw: (cell, gene) counts in, a ledger of nats per cell out."""

    def __init__(self, facts: DataFacts, config: PVAEConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.n_hidden, config.n_layers
        self.encoder = GaussianEncoder(facts.n_genes, *sizes, config.n_latent)
        self.decoder = RateDecoder(
            config.n_latent, *sizes, start_of(facts, share=config.library_offset)
        )

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(encoder_input(cells, self.config.encoder_input))}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Poisson:
        library = library_size(cells) if self.config.library_offset else None
        mean = self.decoder(latents["z"], library)
        return Poisson(mean)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        posterior = self.infer(cells)
        latents = at_draw(posterior, noise)
        log_prob = self.generate(latents, cells).log_prob(seen_counts(cells))
        return standard_normal_ledger((cells["observed"] * log_prob).sum(-1), posterior, latents)


VARIANT = Variant(
    label="PVAE",
    needs=frozenset({"counts", "observed"}),
    gives=frozenset({"bounds", "rates", "fitted_means", "latent"}),
    config=PVAEConfig,
    build=PVAE,
    reference="Sarkar and Stephens 2021, Nature Genetics 53, doi:10.1038/s41588-021-00873-4",
)
