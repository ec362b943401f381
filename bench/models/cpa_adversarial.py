"""CPA, the compositional perturbation autoencoder, with adversaries: an autoencoder, not a VAE.

    b_i = g(x_i)      z_i = b_i + sum_t D_it e_t + c_batch(i)
    x_i ~ NB(l_i softmax(f(z_i)), theta)      l_i: observed library size
    loss = - log p(x_i | z_i) + misread(a(r(b_i))) + gradient_penalty mean (d sum a / d b)^2

Adversaries a predict treatments (nats summed over all of them) and batch from the basal state b; r
reverses their gradient and scales it by ``adversary_weight``, so that g learns to remove this
information from b (``bench.parts.nn.adversary``).  The response to a dosage is linear.  Treatments
and batches without training cells add nothing.

There is no prior and no posterior, so no bound: early stopping uses log p(x_i | z_i) alone.  The
published training alternates two optimisers, with two of three steps for the adversaries.  Here
every step updates both sides at one learning rate, so the adversaries train less: at the published
weights (10 and 20) they predict about as well as chance although the basal state still contains the
treatment (measured, docs/models.md), so the default weights here are smaller.  Mixup and epochs
without adversaries are not implemented.
Source: Lotfollahi et al. 2023, doi:10.15252/msb.202211517 (theislab/cpa, its Norman tutorial).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, TreatmentLatents, Variant
from bench.parts.nn.adversary import (
    Adversary,
    misread_label,
    misread_treatments,
    reversed_gradient,
    squared_gradient,
)
from bench.parts.nn.count_networks import RateDecoder
from bench.parts.nn.distributions import NegativeBinomial
from bench.parts.nn.observed import library_size, log_seen_counts
from bench.parts.nn.scvi_networks import ScviTower
from bench.parts.nn.treatment_encoding import Encoding, TreatmentEncoding


@dataclass(frozen=True, kw_only=True)
class CPAAdversarialConfig:
    """Hyperparameters of adversarial CPA; networks as in the authors' tutorial on the Norman data,
    which uses the weights 10 and 20."""

    n_latent: Annotated[int, Gt(0)] = 32
    n_hidden: Annotated[int, Gt(0)] = 256
    """Width of every hidden layer of encoder and decoder."""
    encoder_layers: Annotated[int, Ge(1)] = 4
    """Hidden layers of the encoder, each with BatchNorm."""
    decoder_layers: Annotated[int, Ge(1)] = 2
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Dropout rate of the encoder."""
    encoding: Encoding = "additive"
    """Encode a combination as the sum of its treatments, or as a separate perturbation."""
    adversary_hidden: Annotated[int, Gt(0)] = 64
    """Width of the adversaries' hidden layers."""
    adversary_layers: Annotated[int, Ge(1)] = 2
    adversary_weight: Annotated[float, Ge(0)] = 1.0
    """Weight of the adversarial loss of the encoder, in nats of counts per nat."""
    gradient_penalty: Annotated[float, Ge(0)] = 1.0
    """Weight of the squared gradient of the adversaries."""


class Basal(NamedTuple):
    """The basal state as a posterior for readouts: a point mass."""

    mean: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The point, for any noise."""
        return self.mean


class CPAAdversarial(nn.Module):
    """Maps counts and dosages to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: CPAAdversarialConfig) -> None:
        super().__init__()
        self.config, self.n_batches, width = config, facts.n_batches, config.n_hidden
        self.treated = TreatmentEncoding(facts, config.encoding)
        n_columns, n_latent = self.treated.n_columns, config.n_latent
        self.encoder = ScviTower(facts.n_genes, width, config.encoder_layers, 0, config.dropout)
        self.basal = nn.Linear(width, n_latent)
        self.embedding = nn.Parameter(torch.randn(n_columns, n_latent))
        self.decoder = RateDecoder(n_latent, width, config.decoder_layers, facts.n_genes)
        self.log_dispersion = nn.Parameter(torch.zeros(facts.n_genes))
        sizes = n_latent, config.adversary_hidden, config.adversary_layers
        self.reads_treatments = Adversary(*sizes, n_columns)
        if facts.n_batches:
            # Initialised at zero, so that a batch without training cells adds nothing.
            self.batch = nn.Parameter(torch.zeros(facts.n_batches, n_latent))
            self.reads_batch = Adversary(*sizes, facts.n_batches)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        config = self.config
        return {
            # A point needs no noise.
            "z": Noise((n_cells, 0)),
            "keep": Noise((n_cells, config.encoder_layers, config.n_hidden), "uniform"),
        }

    def infer(self, cells: Minibatch) -> dict[str, Basal]:
        return {"z": Basal(self._basal(cells, None))}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> NegativeBinomial:
        z = latents["z"] + self._of_batch(cells) + self._dosage(cells) @ self.embedding
        return self._decoded(z, library_size(cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        basal = self._basal(cells, noise["keep"])
        log_likelihood = self.generate({"z": basal}, cells).log_likelihood(cells)
        return LossTerms.of(
            local={"reconstruction": -log_likelihood},
            log_weight=log_likelihood,
            penalty=self._adversarial(basal, cells),
        )

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NegativeBinomial:
        basal = self._basal(cells, None) + self._of_batch(cells)
        offset = self._dosage(conditions) @ self.embedding
        return self._decoded(basal + offset[:, None], cells["library"])

    def treatment_latents(self) -> TreatmentLatents:
        moved = self.embedding * self.treated.seen[:, None]
        return TreatmentLatents(self.treated.names, torch.ones_like(moved), moved)

    def _basal(self, cells: Minibatch, keep: Tensor | None) -> Tensor:
        """(cell, latent); without ``keep`` there is no dropout."""
        return self.basal(self.encoder(log_seen_counts(cells), [], keep))

    def _decoded(self, z: Tensor, library: Tensor) -> NegativeBinomial:
        return NegativeBinomial(self.decoder(z, library), self.log_dispersion.exp())

    def _dosage(self, cells: Minibatch) -> Tensor:
        return self.treated(cells) * self.treated.seen

    def _of_batch(self, cells: Minibatch) -> Tensor | float:
        if not self.n_batches:
            return 0.0
        return one_hot(cells["batch"], self.n_batches).to(self.batch.dtype) @ self.batch

    def _adversarial(self, basal: Tensor, cells: Minibatch) -> dict[str, Tensor]:
        """() each: the losses of the adversaries, and their squared gradients."""
        reversed_basal, given = (
            reversed_gradient(basal, self.config.adversary_weight),
            self._dosage(cells),
        )
        logits, seen = self.reads_treatments(reversed_basal), self.treated.seen
        penalty = {"misread_treatments": misread_treatments(logits, (given > 0).float(), seen)}
        steep = squared_gradient(self.reads_treatments, basal)
        if self.n_batches:
            penalty["misread_batch"] = misread_label(
                self.reads_batch(reversed_basal), cells["batch"]
            )
            steep = steep + squared_gradient(self.reads_batch, basal)
        return {**penalty, "adversary_steepness": self.config.gradient_penalty * steep}


VARIANT = Variant(
    label="CPA (adversarial)",
    needs=frozenset({"counts", "observed", "perturbation"}),
    uses=frozenset({"batch"}),
    can=frozenset({"latent", "perturbed", "treatments"}),
    config=CPAAdversarialConfig,
    build=CPAAdversarial,
    training={"batch_size": 256, "learning_rate": 3e-4, "weight_decay": 4e-7},
    reference="Lotfollahi et al. 2023, doi:10.15252/msb.202211517",
)
