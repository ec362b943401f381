"""SVAE+: each perturbation has its own prior mean of the latent, non-zero in few dimensions.

    w_tk ~ Beta(1, K)   m_tk ~ Bernoulli(w_tk)   a_t free
    z_i ~ Normal(m_t(i) o a_t(i), I), mean 0 for controls      x_i ~ NB(l_i softmax(f(z_i)), theta)
    q(w) at one point,  q(m | w) = p(m | w), drawn straight-through,  q(z_i | x_i) Gaussian

A combination is a separate perturbation; without training cells its mean is 0.  - log Beta(w; 1, K)
enters the ledger once per dataset; it is a log-density and may be negative.  After
``pretrain_epochs`` without ``mask_weight``, and again every ``restart_epochs``, the latents are
rotated into the basis in which perturbations shift the fewest: ``bench.parts.nn.sparse_rotation``.
Source: Lopez et al. 2023, arXiv 2211.03553, as rebuilt in Bereket and Karaletsos 2023.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, StateDict, TreatmentLatents, Variant
from bench.parts.nn.count_networks import EncoderInput
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.mask_priors import BetaPrior
from bench.parts.nn.observed import library_size
from bench.parts.nn.perturbation_networks import CountLaw, PerturbationEncoder, ShareDecoder
from bench.parts.nn.sparse_rotation import in_sparsest_basis
from bench.parts.nn.treatment_encoding import TreatmentEncoding
from bench.parts.nn.treatment_posteriors import mask_shares, straight_through


@dataclass(frozen=True, kw_only=True)
class SVAEPlusConfig:
    """Hyperparameters of SVAE+."""

    n_latent: Annotated[int, Gt(0)] = 100
    n_hidden: Annotated[int, Gt(0)] = 400
    """Width of every hidden layer."""
    n_layers: Annotated[int, Ge(1)] = 1
    """Hidden layers of encoder and of decoder."""
    beta_prior: Annotated[float, Gt(0)] = 2.0
    """K of Beta(1, K): larger is sparser."""
    temperature: Annotated[float, Gt(0)] = 1.0
    """Temperature of the relaxed mask in the straight-through gradient."""
    mask_weight: Annotated[float, Ge(0)] = 1.0
    """Weight of the mask's prior in the loss; the part above 1 is a penalty without warm-up. For
    values below 1, do not use a KL warm-up."""
    likelihood: CountLaw = "nb"


class SVAEPlus(nn.Module):
    """Maps counts and perturbations to a ledger in nats per cell, for one replicate and draw."""

    def __init__(self, facts: DataFacts, config: SVAEPlusConfig) -> None:
        super().__init__()
        self.config, self.n_train = config, facts.n_train
        width, depth, n_latent = config.n_hidden, config.n_layers, config.n_latent
        self.treated = TreatmentEncoding(facts, "unique")
        self.mask = BetaPrior(self.treated.n_columns, n_latent, 1.0, config.beta_prior)
        self.shift = nn.Parameter(0.1 * torch.randn(self.treated.n_columns, n_latent))
        self.look = EncoderInput(facts, "log1p", standardize=True)
        self.encoder = PerturbationEncoder(facts.n_genes, 0, width, depth, n_latent)
        self.decoder = ShareDecoder(n_latent, width, depth, facts, config.likelihood)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        shape = (self.treated.n_columns, self.config.n_latent)
        return {
            "z": Noise((n_cells, self.config.n_latent)),
            "mask": Noise(shape, "uniform", shared=True),
        }

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells))}

    def generate(
        self, latents: Mapping[str, Tensor], cells: Minibatch
    ) -> NegativeBinomial | Poisson:
        return self.decoder(latents["z"], library_size(cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        posterior = self.infer(cells)["z"]
        mean = self.treated(cells) @ self._moved(noise["mask"])
        prior = Gaussian(mean, torch.ones_like(mean))
        z = posterior.at(noise["z"])
        law = self.decoder(z, library_size(cells))
        log_likelihood = law.log_likelihood(cells)
        cost = (self.mask.cost() * self.treated.seen).sum()
        return LossTerms.of(
            local={"reconstruction": -log_likelihood, "kl_z": posterior.kl_to(prior)},
            log_weight=log_likelihood + prior.log_prob(z) - posterior.log_prob(z),
            shared={"mask_rate": cost},
            penalty=self._penalty(cost),
            diagnostics=mask_shares(self.mask.logit, self.treated.seen),
        )

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NegativeBinomial | Poisson:
        mean = self.treated(conditions) @ self._moved(noise["mask"])
        return self.decoder(noise["z"] + mean[:, None], cells["library"])

    def treatment_latents(self) -> TreatmentLatents:
        seen, trained = self.treated.seen[:, None], self.mask.logit.sigmoid()
        on = torch.where(seen > 0, trained, self.mask.probability)
        return TreatmentLatents(self.treated.names, on, on * self.shift * seen)

    def _moved(self, uniform: Tensor) -> Tensor:
        """(perturbation, latent) m o a; 0 for perturbations without training cells."""
        mask = straight_through(self.mask.logit, uniform, self.config.temperature)
        return mask * self.shift * self.treated.seen[:, None]

    def _penalty(self, cost: Tensor) -> dict[str, Tensor]:
        surplus = self.config.mask_weight - 1
        return {"mask_surplus": surplus * cost / self.n_train} if surplus else {}


def pretrained(facts: DataFacts, config: SVAEPlusConfig) -> SVAEPlus:
    """The model for pre-training, with weight 1 of the mask's prior as published."""
    return SVAEPlus(facts, replace(config, mask_weight=1.0))


def rotated(state: StateDict) -> StateDict:
    """The state in the basis in which perturbations shift the fewest latents."""
    return in_sparsest_basis(state, "mask.logit", "shift")[0]


VARIANT = Variant(
    label="SVAE+",
    needs=frozenset({"counts", "observed", "perturbation"}),
    can=frozenset({"bound", "counts", "latent", "perturbed", "treatments"}),
    config=SVAEPlusConfig,
    build=SVAEPlus,
    pretrain=pretrained,
    from_pretrained=lambda pretrained, initial: rotated(pretrained),
    reinitialise=rotated,
    training={"batch_size": 512, "learning_rate": 3e-4, "weight_decay": 1e-6, "n_samples": 5},
    reference="Lopez et al. 2023, arXiv 2211.03553",
)
