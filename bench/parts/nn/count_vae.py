"""What the VAEs of scmodes share: a Gaussian posterior of counts, and a decoder of mean counts.

    z_i          ~ Normal(0, I)
    q(z_i | x_i) = Normal(m(w_i x_i), diag s(w_i x_i)^2)
    mu(z_i)        (gene,) mean counts

A variant holds :class:`CountVAE` and adds its likelihood around mu.  Source: scmodes (A. Sarkar).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise
from bench.parts.nn.count_networks import EncoderInput, GaussianEncoder, RateDecoder
from bench.parts.nn.distributions import (
    Gaussian,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.observed import library_size
from bench.parts.nn.shares import Shares

CountDistribution = Poisson | NegativeBinomial | ZeroInflatedNegativeBinomial


@dataclass(frozen=True, kw_only=True)
class CountVAEConfig:
    """Hyperparameters of encoder and decoder."""

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
    """Initialise from gene means (and a moment estimate of theta, if the model has a theta), or by
    torch's default (and theta 1)."""
    library_offset: bool = False
    """Decode shares of the observed library size instead of unconstrained rates."""


@dataclass(frozen=True, kw_only=True)
class DispersedConfig(CountVAEConfig):
    """The same with an inverse dispersion theta."""

    disp_by_gene: bool = False
    """One inverse dispersion per gene instead of one for all."""


class CountVAE(nn.Module):
    """Encoder and decoder of one replicate.  ``likelihood``: (cell, gene) mean -> distribution."""

    def __init__(self, facts: DataFacts, config: CountVAEConfig) -> None:
        super().__init__()
        self.n_latent, self.library_offset = config.n_latent, config.library_offset
        n_genes, width = facts.n_genes, config.n_hidden
        self.look = EncoderInput(facts, config.encoder_input, config.standardize_input)
        self.encoder = GaussianEncoder(
            n_genes, width, config.encoder_layers, config.n_latent, config.batch_norm
        )
        self.decoder = RateDecoder(config.n_latent, width, config.decoder_layers, n_genes)
        if config.start == "moments":
            self.decoder.start_at_means(facts, share=config.library_offset)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """One standard normal draw of z per cell."""
        return {"z": Noise((n_cells, self.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        """q(z | x) of (cell, latent)."""
        return {"z": self.encoder(self.look(cells))}

    def mean(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor | Shares:
        """(cell, gene) mean counts mu(z)."""
        library = library_size(cells) if self.library_offset else None
        return self.decoder(latents["z"], library)

    def ledger(
        self,
        cells: Minibatch,
        noise: Mapping[str, Tensor],
        likelihood: Callable[[Tensor | Shares], CountDistribution],
    ) -> LossTerms:
        """Nats per cell, the likelihood summed over observed entries."""
        posterior = self.infer(cells)
        latents = at_draw(posterior, noise)
        log_likelihood = likelihood(self.mean(latents, cells)).log_likelihood(cells)
        return standard_normal_ledger(log_likelihood, posterior, latents)
