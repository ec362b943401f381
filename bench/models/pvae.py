"""VAE with a Poisson likelihood.

    z_i       ~ Normal(0, I)
    x_ij | z_i ~ Poisson(mu(z_i)_j)
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)

w_ij is 1 for observed entries, else 0; the likelihood is summed over observed entries.
Source: scmodes (A. Sarkar); here with masks, minibatches and an evaluation mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.count_networks import (
    EncoderInput,
    GaussianEncoder,
    RateDecoder,
)
from bench.parts.nn.distributions import Gaussian, Poisson
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.observed import library_size, seen_counts


@dataclass(frozen=True, kw_only=True)
class PVAEConfig:
    """Hyperparameters of the Poisson VAE."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    """Width of every hidden layer."""
    encoder_layers: Annotated[int, Ge(0)] = 1
    """Hidden layers of the encoder; 0 makes it linear."""
    decoder_layers: Annotated[int, Ge(0)] = 2
    """Hidden layers of the decoder; 0 makes it linear."""
    batch_norm: bool = False
    """BatchNorm after every hidden layer of the encoder."""
    encoder_input: Literal["raw", "log1p"] = "log1p"
    standardize_input: bool = True
    """Centre and scale the encoder input per gene; missing entries then equal the gene's mean."""
    start: Literal["moments", "plain"] = "moments"
    """Initialise the decoder from gene means, or by torch's default."""
    library_offset: bool = False
    """Decode shares of the observed library size instead of unconstrained rates."""


class PVAE(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: PVAEConfig) -> None:
        super().__init__()
        self.config = config
        n_genes, width, n_latent = facts.n_genes, config.n_hidden, config.n_latent
        self.look = EncoderInput(facts, config.encoder_input, config.standardize_input)
        self.encoder = GaussianEncoder(
            n_genes, width, config.encoder_layers, n_latent, config.batch_norm
        )
        self.decoder = RateDecoder(n_latent, width, config.decoder_layers, n_genes)
        if config.start == "moments":
            self.decoder.start_at_means(facts, share=config.library_offset)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells))}

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
    can=frozenset({"bound", "counts", "latent"}),
    config=PVAEConfig,
    build=PVAE,
    reference="Sarkar and Stephens 2021, Nature Genetics 53, doi:10.1038/s41588-021-00873-4",
)
