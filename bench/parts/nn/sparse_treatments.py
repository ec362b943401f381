"""The global variables of SAMS-VAE: every treatment shifts few latents.

    m_tk ~ Bernoulli(alpha)    e_tk ~ Normal(0, sigma)    shift of cell i: sum_t D_it (e_t o m_t)

They enter the ledger once per dataset: the KL of every treatment with training cells, in closed
form given the draw.  For a training set of N cells that is 1/N of it per cell, in training and in
validation; the published code distributes the KL of a treatment over its cells in each split, which
is equal in training and several times as much in validation.

For weights other than 1, the difference is a penalty and not part of the reported bound.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.variant import DataFacts, Noise, StateDict, TreatmentLatents
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.mask_priors import BernoulliPrior, BetaPrior, MaskPrior
from bench.parts.nn.sparse_rotation import in_sparsest_basis
from bench.parts.nn.treatment_encoding import Encoding, TreatmentEncoding
from bench.parts.nn.treatment_posteriors import (
    CorrelatedEmbedding,
    MaskPosterior,
    MeanFieldEmbedding,
    mask_shares,
)

Guide = Literal["mean_field", "correlated"]


@dataclass(frozen=True, kw_only=True)
class SparseHyperparameters:
    """Hyperparameters of SAMS-VAE for any observation distribution; configs extend it."""

    n_latent: Annotated[int, Gt(0)] = 100
    n_hidden: Annotated[int, Gt(0)] = 400
    """Width of every hidden layer of encoder and decoder."""
    n_layers: Annotated[int, Ge(1)] = 1
    """Hidden layers of encoder and of decoder."""
    encoding: Encoding = "additive"
    """Encode a combination as the sum of its treatments, or as a separate perturbation."""
    guide: Guide = "correlated"
    """Whether the posterior of an embedding depends on the mask."""
    guide_hidden: Annotated[int, Gt(0)] = 200
    """Width of the network of the correlated posterior."""
    guide_layers: Annotated[int, Ge(1)] = 2
    mean_field_encoder: bool = False
    """Encode the observed data only, without the shift by the treatments."""
    mask_prior: MaskPrior = "bernoulli"
    mask_prior_probability: Annotated[float, Gt(0), Lt(1)] = 0.01
    """alpha of the Bernoulli prior."""
    beta_prior_a: Annotated[float, Gt(0)] = 1.0
    """a of the Beta(a, b) prior of a Beta-Bernoulli mask."""
    beta_prior_b: Annotated[float, Gt(0)] = 2.0
    """b of the Beta(a, b) prior: larger is sparser."""
    embedding_prior_scale: Annotated[float, Gt(0)] = 1.0
    """sigma."""
    temperature: Annotated[float, Gt(0)] = 1.0
    """Temperature of the relaxed mask in the straight-through gradient."""
    mask_weight: Annotated[float, Ge(0)] = 1.0
    """Weight of the mask's KL in the loss; the part above 1 is a penalty without warm-up. For
    values below 1, do not use a KL warm-up."""
    mask_weight_per_cell: Annotated[float, Ge(0)] = 0.0
    """Additional weight of the mask's KL per training cell of the treatment."""


class Drawn(NamedTuple):
    """One draw of the globals, and its KL terms."""

    moved: Tensor
    """(treatment, latent) e o m."""
    kl_mask: Tensor
    """(treatment,) nats."""
    kl_embedding: Tensor
    """(treatment,) nats."""


class SparseTreatments(nn.Module):
    """Masks, embeddings and their priors, for the columns of an encoding."""

    def __init__(self, facts: DataFacts, settings: SparseHyperparameters) -> None:
        super().__init__()
        self.settings, self.n_train, n_latent = settings, facts.n_train, settings.n_latent
        self.treated = TreatmentEncoding(facts, settings.encoding)
        n_columns = self.treated.n_columns
        self.mask = MaskPosterior(n_columns, n_latent, settings.temperature)
        self.prior: BernoulliPrior | BetaPrior = (
            BernoulliPrior(settings.mask_prior_probability)
            if settings.mask_prior == "bernoulli"
            else BetaPrior(n_columns, n_latent, settings.beta_prior_a, settings.beta_prior_b)
        )
        self.embedding: MeanFieldEmbedding | CorrelatedEmbedding = (
            MeanFieldEmbedding(n_columns, n_latent)
            if settings.guide == "mean_field"
            else CorrelatedEmbedding(
                n_columns, n_latent, settings.guide_hidden, settings.guide_layers
            )
        )

    def noise(self) -> dict[str, Noise]:
        """The noise of one draw, shared by all cells."""
        shape = (self.treated.n_columns, self.settings.n_latent)
        return {
            "mask": Noise(shape, "uniform", shared=True),
            "embedding": Noise(shape, shared=True),
        }

    def draw(self, noise: Mapping[str, Tensor]) -> Drawn:
        """A draw from the posterior; from the prior for treatments without training cells."""
        seen, scale = self.treated.seen[:, None], self.settings.embedding_prior_scale
        mask = self.mask.at(noise["mask"])
        posterior = self.embedding(mask)
        prior = Gaussian(torch.zeros_like(posterior.mean), torch.full_like(posterior.mean, scale))
        unseen = (noise["mask"] < self.prior.probability).float() * scale * noise["embedding"]
        moved = mask * posterior.at(noise["embedding"])
        return Drawn(
            moved=torch.where(seen > 0, moved, unseen),
            kl_mask=self.mask.kl_to(*self.prior.logs()) * self.treated.seen,
            kl_embedding=posterior.kl_to(prior) * self.treated.seen,
        )

    def plugin(self) -> Tensor:
        """(treatment, latent) the mean embedding if the mask probability exceeds 1/2, else 0."""
        mask = (self.mask.logit > 0).float() * self.treated.seen[:, None]
        return mask * self.embedding(mask).mean

    def expected(self) -> TreatmentLatents:
        """Mask probabilities, and their product with the mean embedding at the modal mask."""
        on = self.mask.probability
        seen = self.treated.seen[:, None] > 0
        moved = on * self.embedding((on > 0.5).float()).mean
        return TreatmentLatents(
            names=self.treated.names,
            mask_probability=torch.where(seen, on, self.prior.probability),
            embedding=torch.where(seen, moved, 0.0),
        )

    def shared(self, sampled: Drawn) -> dict[str, Tensor]:
        """() nats each, once per dataset."""
        once = {"kl_mask": sampled.kl_mask.sum(), "kl_embedding": sampled.kl_embedding.sum()}
        cost = self.prior.cost()
        return once if cost is None else {**once, "mask_rate": (cost * self.treated.seen).sum()}

    def penalty(self, sampled: Drawn) -> dict[str, Tensor]:
        """() nats per cell: the difference by the weights of the mask's KL; empty for weight 1."""
        settings = self.settings
        if settings.mask_weight == 1 and not settings.mask_weight_per_cell:
            return {}
        surplus = settings.mask_weight - 1 + settings.mask_weight_per_cell * self.treated.n_cells
        return {"mask_surplus": (surplus * sampled.kl_mask).sum() / self.n_train}

    def diagnostics(self) -> dict[str, Tensor]:
        """() shares of mask entries with probabilities near 0 and near 1."""
        return mask_shares(self.mask.logit, self.treated.seen)


def rotated_treatments(state: StateDict) -> StateDict:
    """A mean-field model in the basis in which treatments shift the fewest latents."""
    log_scale = "treatments.embedding.log_scale"
    new, basis = in_sparsest_basis(state, "treatments.mask.logit", "treatments.embedding.mean")
    return new | {log_scale: ((2 * state[log_scale]).exp() @ basis**2).log() / 2}


def only_mean_field_rotates(settings: SparseHyperparameters, training: Mapping[str, Any]) -> str:
    """Reason why a correlated posterior cannot rotate: its embeddings depend on the masks."""
    asked = [key for key in ("pretrain_epochs", "restart_epochs") if training.get(key)]
    if settings.guide == "mean_field" or not asked:
        return ""
    return f"{' and '.join(asked)}: only the embeddings of guide: mean_field can be rotated"
