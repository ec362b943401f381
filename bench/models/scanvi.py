"""scANVI as in scvi-tools: scVI with a prior per cell type on the latent, and a classifier.

    y ~ Categorical(1/C)   u ~ Normal(0, I)   z | u, y Gaussian   x | z, batch, l as in scVI
    loss = - ELBO, with the types of all cells treated as unknown
           + alpha mean over the labelled cells of the minibatch of - log q(y | mean of z)

The ELBO sums over the type under q(y | z) at the draw of z; the classifier loss uses the mean of
q(z | x), or with a flow T the value of T at the mean of the Gaussian.  The classifier loss is not
part of the ELBO.  Only the KL terms of u and y warm up.  Pre-training (``pretrain_epochs``) trains
scVI with the prior N(0, I).  ``alpha`` is in nats per labelled cell: with 50, the cross-entropy of
a labelled cell has fifty times the weight of its bound, independent of the number of labelled
cells.  The loss uses logits; the published code applied the softmax twice until 2023.
Source: Xu et al. 2021, doi:10.15252/msb.20209620; scvi-tools 1.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.flowed_scvi import FlowedScvi
from bench.parts.nn.flows import FlowedGaussian, FlowKind, build_flow
from bench.parts.nn.label_prior import (
    TypeClassifier,
    TypedPrior,
    cross_entropy,
    mean_over_known,
    summed_over_types,
)
from bench.parts.nn.scvi import Counts, ScviHyperparameters


@dataclass(frozen=True, kw_only=True)
class SCANVIConfig:
    """Hyperparameters of scANVI, with scvi-tools' defaults."""

    n_latent: Annotated[int, Gt(0)] = 10
    """Dimension of z, the input of the decoder."""
    n_latent_type: Annotated[int, Gt(0)] = 10
    """Dimension of u, the variation within a type."""
    n_hidden: Annotated[int, Gt(0)] = 128
    n_layers: Annotated[int, Ge(1)] = 1
    classifier_layers: Annotated[int, Ge(0)] = 1
    """Hidden layers of the classifier; 0 gives a linear classifier."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of encoders and classifier; decoders have none."""
    alpha: Annotated[float, Ge(0)] = 50.0
    """Weight of the classifier's loss, nats per labelled cell."""
    flow: FlowKind = "none"
    """The flow on the posterior of z."""
    n_flow_steps: Annotated[int, Gt(0)] = 4
    n_flow_hidden: Annotated[int, Gt(0)] = 32
    """Width of the flow's networks."""
    likelihood: Literal["zinb", "nb", "poisson"] = "zinb"
    dispersion: Literal["gene", "gene-batch", "gene-cell"] = "gene"
    """Units that share an inverse dispersion."""
    latent_library: bool = False
    """Infer the library size under the prior of the batch, instead of the observed library size."""
    encode_covariates: bool = False
    """Add the batch to the input of the encoder."""


class SCANVI(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: SCANVIConfig) -> None:
        super().__init__()
        self.config, self.n_types = config, facts.n_known_types
        width, deep, rate = config.n_hidden, config.n_layers, config.dropout
        self.base = pretrained(facts, config)
        self.classifier = TypeClassifier(
            config.n_latent,
            self.n_types,
            n_hidden=width,
            n_layers=config.classifier_layers,
            dropout=rate,
        )
        self.typed = TypedPrior(
            (config.n_latent, config.n_latent_type),
            self.n_types,
            n_hidden=width,
            n_layers=deep,
            dropout=rate,
        )

    def noise(self, n_cells: int) -> dict[str, Noise]:
        deep, width = self.config.n_layers, self.config.n_hidden
        return self.base.noise(n_cells) | {
            "u": Noise((n_cells, self.config.n_latent_type)),
            "keep_u": Noise((self.n_types * n_cells, deep, width), "uniform"),
            "keep_y": Noise((n_cells, self.config.classifier_layers, width), "uniform"),
        }

    def infer(self, cells: Minibatch) -> dict[str, Gaussian | FlowedGaussian]:
        return self.base.infer(cells)

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Counts:
        return self.base.generate(latents, cells)

    def classify(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        return self.classifier(latents["z"])

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        q, latents, log_q, terms = self.base.explained(cells, noise)
        each = self.typed(latents["z"], noise["u"], noise["keep_u"])
        summed = summed_over_types(each, log_q, self.classifier(latents["z"], noise["keep_y"]))
        # As published, the log-ratio of z does not warm up, so its name has no prefix ``kl_``.
        summed.local["prior_z"] = summed.local.pop("kl_z")
        known = cells["known_type"]
        missed = cross_entropy(self.classifier(q.mean, noise["keep_y"]), known)
        return LossTerms.of(
            local={**terms.local, **summed.local},
            log_weight=terms.log_weight + summed.log_weight,
            slack={"kl_type_posterior": summed.slack},
            penalty={"classification": self.config.alpha * mean_over_known(missed, known)},
        )


def pretrained(facts: DataFacts, config: SCANVIConfig) -> FlowedScvi:
    """The submodule ``base`` and the model for pre-training: scVI under the prior N(0, I)."""
    flow = build_flow(config.flow, config.n_latent, config.n_flow_steps, config.n_flow_hidden)
    settings = ScviHyperparameters(
        n_latent=config.n_latent,
        n_hidden=config.n_hidden,
        n_layers=config.n_layers,
        dropout=config.dropout,
        likelihood=config.likelihood,
        dispersion=config.dispersion,
        latent_library=config.latent_library,
        encode_covariates=config.encode_covariates,
    )
    return FlowedScvi(facts, settings, flow)


VARIANT = Variant(
    label="scANVI",
    needs=frozenset({"counts", "observed", "known_type"}),
    uses=frozenset({"batch"}),
    can=frozenset({"bound", "classes", "counts", "latent"}),
    config=SCANVIConfig,
    build=SCANVI,
    pretrain=pretrained,
    training={
        "adam_epsilon": 0.01,
        "weight_decay": 1e-6,
        "pretrain_epochs": 60,
        "max_epochs": 20,
        "patience": 0,
        "labelled_share": 0.2,
    },
    reference="Xu et al. 2021, Molecular Systems Biology 17:e9620, doi:10.15252/msb.20209620",
)
