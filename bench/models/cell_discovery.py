"""The Cell Discovery Catalog's model: Pyro's scANVI with a normalizing flow on the cell's latent.

    u ~ Normal(0, I)   y ~ Categorical(1/C)   z | u, y Gaussian   l ~ LogNormal(m, s)
    x_ij ~ ZINB(l_i softmax f(z_i)_j, theta_j, h(z_i)_j)
    q(z | x) = T(Normal(m(x), s(x))), T a flow     q(l | x) LogNormal     q(y | z), q(u | z, y)
    loss = - ELBO + alpha mean over labelled cells of - log q(y | z) at the draw of z

Names: z and u are Pyro's z2 and z1, and scvi-tools' z1 and z2.  The ELBO of an unlabelled cell sums
over the type; the ELBO of a labelled cell is that of counts and type.  The cross-entropy is not
part of the ELBO.  ``alpha`` is in nats per labelled cell.  The published Pyro code also weights the
cross-entropy of each labelled cell by its negative ELBO (an unintended score-function term: 0.01
there corresponds to 18 here at 1,780 nats per cell); ``bound_weighted`` reproduces this.  Unlike
the published networks, no normalisation follows the classifier's logits.
Source: Pyro's scANVI example; Xu et al. 2021, doi:10.15252/msb.20209620; flows: Rezende and Mohamed
2015, arXiv 1505.05770.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.ledger import LossTerms, elbo
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

FIRST_DISPERSION = 10.0
"""Initial inverse dispersion of every gene (Pyro)."""


@dataclass(frozen=True, kw_only=True)
class CellDiscoveryConfig:
    """Hyperparameters of the Cell Discovery Catalog's model."""

    n_latent: Annotated[int, Gt(0)] = 10
    """Dimension of z, the input of the decoder and of the classifier."""
    n_latent_type: Annotated[int, Gt(0)] = 10
    """Dimension of u, the variation within a type."""
    n_hidden: Annotated[int, Gt(0)] = 100
    """Width of the networks between counts and z."""
    n_hidden_type: Annotated[int, Gt(0)] = 50
    """Width of the networks between z, u and types."""
    n_layers: Annotated[int, Ge(1)] = 1
    classifier_layers: Annotated[int, Ge(0)] = 1
    """Hidden layers of the classifier; 0 gives a linear classifier."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of the encoders; published: 0."""
    alpha: Annotated[float, Ge(0)] = 50.0
    """Weight of the classifier's loss, nats per labelled cell."""
    bound_weighted: bool = False
    """Also weight the loss of a labelled cell by its negative ELBO, as published (alpha 0.01)."""
    flow: FlowKind = "none"
    """The flow on the posterior of z."""
    n_flow_steps: Annotated[int, Gt(0)] = 4
    n_flow_hidden: Annotated[int, Gt(0)] = 32
    """Width of the flow's networks."""
    encode_covariates: bool = False
    """Add the batch to the input of the encoder."""


class CellDiscovery(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: CellDiscoveryConfig) -> None:
        super().__init__()
        self.config, types = config, facts.n_known_types
        self.base = _counts_explained(facts, config)
        self.classifier = TypeClassifier(
            config.n_latent,
            types,
            n_hidden=config.n_hidden_type,
            n_layers=config.classifier_layers,
            dropout=0.0,
        )
        sizes = (config.n_latent, config.n_latent_type)
        self.typed = TypedPrior(sizes, types, n_hidden=config.n_hidden_type)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.base.noise(n_cells) | {"u": Noise((n_cells, self.config.n_latent_type))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian | FlowedGaussian]:
        return self.base.infer(cells)

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Counts:
        return self.base.generate(latents, cells)

    def classify(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        return self.classifier(latents["z"])

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        _, latents, log_q, explained = self.base.explained(cells, noise)
        known, logits = cells["known_type"], self.classifier(latents["z"])
        each = self.typed(latents["z"], noise["u"])
        summed = summed_over_types(each, log_q, logits, known)
        terms = LossTerms.of(
            local={**explained.local, **summed.local},
            log_weight=explained.log_weight + summed.log_weight,
            slack={"kl_type_posterior": summed.slack},
        )
        missed = cross_entropy(logits, known)
        if self.config.bound_weighted:
            missed = missed * -elbo(terms).detach()
        weighed = self.config.alpha * mean_over_known(missed, known)
        return terms._replace(penalty={"classification": weighed})


def _counts_explained(facts: DataFacts, config: CellDiscoveryConfig) -> FlowedScvi:
    """Encoders, flow and decoder: the submodule ``base``, which pre-training may initialise."""
    flow = build_flow(config.flow, config.n_latent, config.n_flow_steps, config.n_flow_hidden)
    settings = ScviHyperparameters(
        n_latent=config.n_latent,
        n_hidden=config.n_hidden,
        n_layers=config.n_layers,
        dropout=config.dropout,
        latent_library=True,
        encode_covariates=config.encode_covariates,
    )
    base = FlowedScvi(facts, settings, flow)
    torch.nn.init.constant_(base.scvi.generation.theta.log_theta, log(FIRST_DISPERSION))
    return base


VARIANT = Variant(
    label="Cell Discovery",
    needs=frozenset({"counts", "observed", "known_type"}),
    uses=frozenset({"batch"}),
    can=frozenset({"bound", "classes", "counts", "latent"}),
    config=CellDiscoveryConfig,
    build=CellDiscovery,
    pretrain=_counts_explained,
    training={
        "learning_rate": 5e-3,
        "lr_decay": 0.2,
        "lr_decay_epochs": 20,
        "max_epochs": 60,
        "weight_decay": 0.0,
        "patience": 0,
        "labelled_share": 0.2,
    },
    reference="Pyro's scANVI example; Xu et al. 2021, doi:10.15252/msb.20209620",
)
