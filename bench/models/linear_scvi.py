"""Linearly decoded scVI: every latent dimension is a vector of gene loadings.

    z_i ~ Normal(0, I)                      l_i as in scVI
    rho_i = softmax BN(W [z_i, s_i])        x_ij ~ NB(exp(l_i) rho_ij, theta)

W has no bias and no activation follows it; with BatchNorm its columns are loadings up to the scale
of each gene.  Inference is scVI's.  See ``scvi`` for the bound with an observed library.
Source: Svensson et al. 2020, doi:10.1093/bioinformatics/btaa169; scvi-tools 1.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.latents import at_draw
from bench.parts.nn.observed import seen_counts
from bench.parts.nn.scvi import Counts, Inference, LibraryPrior, LinearGeneration, scvi_ledger


@dataclass(frozen=True, kw_only=True)
class LinearSCVIConfig:
    """Hyperparameters of linear scVI, with scvi-tools' defaults."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    n_layers: Annotated[int, Ge(1)] = 1
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of the encoder; the decoder has none."""
    likelihood: Literal["zinb", "nb", "poisson"] = "nb"
    dispersion: Literal["gene", "gene-batch", "gene-label"] = "gene"
    """What the inverse dispersion is a value of."""
    latent_library: bool = False
    """Infer the library size under the prior of the cell's batch, instead of observing it."""
    encode_covariates: bool = False
    """Hand the covariates to the encoder too."""
    label_covariate: bool = False
    """Decode with the cell type beside the batch."""


class LinearSCVI(nn.Module):
    """One replicate, one draw: (cell, gene) counts in, a ledger of nats per cell out."""

    def __init__(self, facts: DataFacts, config: LinearSCVIConfig) -> None:
        super().__init__()
        self.inference = Inference(facts, config)
        self.generation = LinearGeneration(facts, config)
        self.library_prior = LibraryPrior(facts) if config.latent_library else None

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.inference.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return self.inference(cells, {})

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Counts:
        return self.generation(latents, cells)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        posterior = self.inference(cells, noise)
        latents = at_draw(posterior, noise)
        log_prob = self.generate(latents, cells).log_prob(seen_counts(cells))
        prior = self.library_prior(cells) if self.library_prior else None
        return scvi_ledger((cells["observed"] * log_prob).sum(-1), posterior, latents, prior)


VARIANT = Variant(
    label="Linear scVI",
    needs=frozenset({"counts", "observed"}),
    uses=frozenset({"batch", "cell_type"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=LinearSCVIConfig,
    build=LinearSCVI,
    training={"adam_epsilon": 0.01, "weight_decay": 1e-6},
    reference="Svensson et al. 2020, Bioinformatics 36, doi:10.1093/bioinformatics/btaa169",
)
