"""scANVI as scvi-tools has it: scVI whose latent has a prior per cell type, and a classifier.

    y ~ Categorical(1/C)   u ~ Normal(0, I)   z | u, y Gaussian   x | z, batch, l as in scVI
    loss = - ELBO, every cell as if its type were not known
           + alpha mean over the labelled cells of the minibatch of - log q(y | mean of z)

A cell's type is summed out under q(y | z) at the draw of z; the classifier is scored at the mean of
q(z | x), or with a flow T at T of the Gaussian's mean.  The classifier's loss steers and is no part
of the ELBO.  Only the KL of u and of y warm up.  scVI with the prior N(0, I) is trained first
(``pretrain_epochs``).  ``alpha`` is in nats per labelled cell: 50 weighs a labelled cell's cross-
entropy fifty times its bound, however many cells are labelled.  Logits throughout: the published
code took the softmax twice until 2023.
Source: Xu et al. 2021, doi:10.15252/msb.20209620; scvi-tools 1.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

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
from bench.parts.nn.scvi import Counts


@dataclass(frozen=True, kw_only=True)
class SCANVIConfig:
    """Hyperparameters of scANVI, with scvi-tools' defaults."""

    n_latent: Annotated[int, Gt(0)] = 10
    """Size of z, which the counts are decoded from."""
    n_latent_type: Annotated[int, Gt(0)] = 10
    """Size of u, what varies within a type."""
    n_hidden: Annotated[int, Gt(0)] = 128
    n_layers: Annotated[int, Ge(1)] = 1
    classifier_layers: Annotated[int, Ge(0)] = 1
    """Hidden layers of the classifier; 0 leaves a linear one."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of encoders and classifier; decoders have none."""
    alpha: Annotated[float, Ge(0)] = 50.0
    """Weight of the classifier's loss, nats per labelled cell."""
    flow: FlowKind = "none"
    """What the posterior of z is pushed through."""
    n_flow_steps: Annotated[int, Gt(0)] = 4
    n_flow_hidden: Annotated[int, Gt(0)] = 32
    """Width of the flow's networks."""
    likelihood: Literal["zinb", "nb", "poisson"] = "zinb"
    dispersion: Literal["gene", "gene-batch", "gene-cell"] = "gene"
    """What the inverse dispersion is a value of."""
    latent_library: bool = False
    """Infer the library size under the prior of the cell's batch, instead of observing it."""
    encode_covariates: bool = False
    """Hand the batch to the encoder too."""
    label_covariate: ClassVar[bool] = False


class SCANVI(nn.Module):
    """One replicate, one draw: (cell, gene) counts in, a ledger of nats per cell out."""

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
        # As published the latent's own log-ratio does not warm up: it goes by another name.
        summed.local["prior_z"] = summed.local.pop("kl_z")
        known = cells["known_type"]
        missed = cross_entropy(self.classifier(q.mean, noise["keep_y"]), known)
        return LossTerms(
            local={**terms.local, **summed.local},
            log_weight=terms.log_weight + summed.log_weight,
            shared={},
            slack={"kl_type_posterior": summed.slack},
            penalty={"classification": self.config.alpha * mean_over_known(missed, known)},
        )


def pretrained(facts: DataFacts, config: SCANVIConfig) -> FlowedScvi:
    """What ``base`` is and starts as: scVI, trained first under the prior N(0, I)."""
    flow = build_flow(config.flow, config.n_latent, config.n_flow_steps, config.n_flow_hidden)
    return FlowedScvi(facts, config, flow)


VARIANT = Variant(
    label="scANVI",
    needs=frozenset({"counts", "observed", "known_type"}),
    uses=frozenset({"batch"}),
    gives=frozenset(
        {
            *("bounds", "bound_terms", "marginal_loglik", "rates", "fitted_means", "drawn_rates"),
            *("latent", "latent_sample", "decoded", "class_probability"),
            *("posterior_predictive", "differential_expression"),
        }
    ),
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
