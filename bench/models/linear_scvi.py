"""Linearly decoded scVI: every latent dimension is a vector of gene loadings.

    z_i ~ Normal(0, I)                      l_i as in scVI
    rho_i = softmax BN(W [z_i, s_i])        x_ij ~ NB(exp(l_i) rho_ij, theta)

W has neither bias nor activation; with BatchNorm its columns are loadings up to the scale of each
gene.  Inference is that of scVI.  See ``scvi`` for the bound with an observed library.
Source: Svensson et al. 2020, doi:10.1093/bioinformatics/btaa169; scvi-tools 1.4.
"""

from dataclasses import dataclass
from typing import Literal

from bench.core.variant import DataFacts, Variant
from bench.parts.nn.scvi import LinearGeneration, ScviHyperparameters
from bench.parts.nn.scvi_model import ScviModel


@dataclass(frozen=True, kw_only=True)
class LinearSCVIConfig(ScviHyperparameters):
    """Hyperparameters of linear scVI, with scvi-tools' defaults."""

    likelihood: Literal["zinb", "nb", "poisson"] = "nb"
    dispersion: Literal["gene", "gene-batch", "gene-label"] = "gene"


def build(facts: DataFacts, config: LinearSCVIConfig) -> ScviModel:
    """scVI with the linear decoder."""
    return ScviModel(facts, config, decoder=LinearGeneration)


VARIANT = Variant(
    label="Linear scVI",
    needs=frozenset({"counts", "observed"}),
    uses=frozenset({"batch", "cell_type"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=LinearSCVIConfig,
    build=build,
    training={"adam_epsilon": 0.01, "weight_decay": 1e-6},
    reference="Svensson et al. 2020, Bioinformatics 36, doi:10.1093/bioinformatics/btaa169",
)
