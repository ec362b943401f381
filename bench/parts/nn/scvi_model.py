"""The module of scVI, for variants to hold: its halves, its noise and its ledger.

Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools 1.4.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.latents import Latents, at_draw
from bench.parts.nn.scvi import (
    Counts,
    Generation,
    Inference,
    LibraryPrior,
    LinearGeneration,
    ScviHyperparameters,
    scvi_ledger,
)

Decoder = Callable[[DataFacts, ScviHyperparameters], Generation | LinearGeneration]


class ScviModel(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(
        self, facts: DataFacts, settings: ScviHyperparameters, decoder: Decoder = Generation
    ) -> None:
        super().__init__()
        self.inference = Inference(facts, settings)
        self.generation = decoder(facts, settings)
        self.library_prior = LibraryPrior(facts) if settings.latent_library else None

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """The noise of the encoders."""
        return self.inference.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        """q(z | x) and, with a latent library, q(l | x)."""
        return self.inference(cells, {})

    def generate(self, latents: Latents, cells: Minibatch) -> Counts:
        """p(x | z, l, covariates), (cell, gene)."""
        return self.generation(latents, cells)

    def log_likelihood(self, latents: Latents, cells: Minibatch) -> Tensor:
        """(cell,) log p(x | latents) of the observed entries, nats."""
        return self.generation(latents, cells).log_likelihood(cells)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """The ledger under the prior N(0, I)."""
        return self.at_noise(cells, noise)[1]

    def at_noise(
        self, cells: Minibatch, noise: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], LossTerms]:
        """The latents at the draw for this noise, and the ledger."""
        posterior = self.inference(cells, noise)
        latents = at_draw(posterior, noise)
        log_likelihood = self.log_likelihood(latents, cells)
        prior = self.library_prior(cells) if self.library_prior else None
        return latents, scvi_ledger(log_likelihood, posterior, latents, prior)
