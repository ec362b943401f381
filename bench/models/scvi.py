"""scVI: counts of a cell given its latent, its batch and its library size.

    z_i ~ Normal(0, I)            l_i = log of the observed library size, or
                                  l_i ~ Normal(m_b, v_b), moments of the batch's log libraries
    rho_i = softmax f(z_i, s_i)   x_ij ~ ZINB(exp(l_i) rho_ij, theta, pi(z_i, s_i)_j)
    q(z_i | x_i), q(l_i | x_i)    Gaussian, from log(1 + x_i)

The published network, literally: BatchNorm with momentum .01 and eps 1e-3 in both nets, dropout in
the encoder, covariates in every decoder layer; only the KL of z warms up.  Missing entries are zero
to the encoder and absent from the likelihood.  With the observed library the bound is conditional
on it: not to be compared with models that explain it.
Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools 1.4.
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
from bench.parts.nn.scvi import Counts, Generation, Inference, LibraryPrior, scvi_ledger


@dataclass(frozen=True, kw_only=True)
class SCVIConfig:
    """Hyperparameters of scVI, with scvi-tools' defaults."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    n_layers: Annotated[int, Ge(1)] = 1
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of the encoder; the decoder has none."""
    likelihood: Literal["zinb", "nb", "poisson"] = "zinb"
    dispersion: Literal["gene", "gene-batch", "gene-label", "gene-cell"] = "gene"
    """What the inverse dispersion is a value of."""
    latent_library: bool = False
    """Infer the library size under the prior of the cell's batch, instead of observing it."""
    encode_covariates: bool = False
    """Hand the covariates to the encoder too."""
    label_covariate: bool = False
    """Decode with the cell type beside the batch."""


class SCVI(nn.Module):
    """One replicate, one draw: (cell, gene) counts in, a ledger of nats per cell out."""

    def __init__(self, facts: DataFacts, config: SCVIConfig) -> None:
        super().__init__()
        self.inference = Inference(facts, config)
        self.generation = Generation(facts, config)
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
    label="scVI",
    needs=frozenset({"counts", "observed"}),
    uses=frozenset({"batch", "cell_type"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=SCVIConfig,
    build=SCVI,
    training={"adam_epsilon": 0.01, "weight_decay": 1e-6},
    reference="Lopez et al. 2018, Nature Methods 15, doi:10.1038/s41592-018-0229-2",
)
