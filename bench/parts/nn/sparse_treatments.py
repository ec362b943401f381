"""The global variables of SAMS-VAE: every treatment moves few latents.

    m_tk ~ Bernoulli(alpha)    e_tk ~ Normal(0, sigma)    cell i is moved by sum_t D_it (e_t o m_t)

They stand in the ledger once for the whole data set: the KL of every treatment that a training cell
had, in closed form given the draw.  Per cell of a training set of N cells that is 1/N of it, in
training and validation alike; the published code spreads a treatment's KL over the cells of each
split that had it, which comes to the same in training and to several times as much in validation.

Weights other than 1 steer: their surplus is a penalty and never part of the reported bound.
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
    """What SAMS-VAE is built by, whatever is measured of the cells.  Configs of it extend this."""

    n_latent: Annotated[int, Gt(0)] = 100
    n_hidden: Annotated[int, Gt(0)] = 400
    """Width of every hidden layer of encoder and decoder."""
    n_layers: Annotated[int, Ge(1)] = 1
    """Hidden layers of encoder and of decoder."""
    encoding: Encoding = "additive"
    """Whether a combination is the sum of its parts or one of its own."""
    guide: Guide = "correlated"
    """Whether the posterior of an embedding depends on the mask."""
    guide_hidden: Annotated[int, Gt(0)] = 200
    """Width of the correlated guide's network."""
    guide_layers: Annotated[int, Ge(1)] = 2
    mean_field_encoder: bool = False
    """Leave the treatments' offset out of what the encoder sees."""
    mask_prior: MaskPrior = "bernoulli"
    mask_prior_probability: Annotated[float, Gt(0), Lt(1)] = 0.01
    """alpha of the Bernoulli prior."""
    beta_prior_a: Annotated[float, Gt(0)] = 1.0
    """a of the Beta(a, b) prior of a Beta-Bernoulli mask."""
    beta_prior_b: Annotated[float, Gt(0)] = 2.0
    """b of the same: larger is sparser."""
    embedding_prior_scale: Annotated[float, Gt(0)] = 1.0
    """sigma."""
    temperature: Annotated[float, Gt(0)] = 1.0
    """Of the relaxed mask whose gradient is taken."""
    mask_weight: Annotated[float, Ge(0)] = 1.0
    """Weight of the mask's KL in the loss; its surplus over 1 is a penalty, which does not warm up:
    below 1 leave the KL warm-up off."""
    mask_weight_per_cell: Annotated[float, Ge(0)] = 0.0
    """Weight added for every training cell of the treatment."""


class Drawn(NamedTuple):
    """One draw of the globals, and what it costs."""

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
        """What one draw consumes, shared by all cells."""
        shape = (self.treated.n_columns, self.settings.n_latent)
        return {
            "mask": Noise(shape, "uniform", shared=True),
            "embedding": Noise(shape, shared=True),
        }

    def draw(self, noise: Mapping[str, Tensor]) -> Drawn:
        """A draw from the posterior; from the prior where a treatment was never trained on."""
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
        """(treatment, latent) the mean embedding where the mask is more likely one than zero."""
        mask = (self.mask.logit > 0).float() * self.treated.seen[:, None]
        return mask * self.embedding(mask).mean

    def expected(self) -> TreatmentLatents:
        """Probabilities of the mask; the mean embedding at the most probable mask, times them."""
        on = self.mask.probability
        seen = self.treated.seen[:, None] > 0
        moved = on * self.embedding((on > 0.5).float()).mean
        return TreatmentLatents(
            names=self.treated.names,
            mask_probability=torch.where(seen, on, self.prior.probability),
            embedding=torch.where(seen, moved, 0.0),
        )

    def shared(self, sampled: Drawn) -> dict[str, Tensor]:
        """() nats each, once for the whole data set."""
        once = {"kl_mask": sampled.kl_mask.sum(), "kl_embedding": sampled.kl_embedding.sum()}
        cost = self.prior.cost()
        return once if cost is None else {**once, "mask_rate": (cost * self.treated.seen).sum()}

    def penalty(self, sampled: Drawn) -> dict[str, Tensor]:
        """() nats per cell: what the weights of the mask's KL add to it; nothing where off."""
        settings = self.settings
        if settings.mask_weight == 1 and not settings.mask_weight_per_cell:
            return {}
        surplus = settings.mask_weight - 1 + settings.mask_weight_per_cell * self.treated.n_cells
        return {"mask_surplus": (surplus * sampled.kl_mask).sum() / self.n_train}

    def diagnostics(self) -> dict[str, Tensor]:
        """() how decided the mask is."""
        return mask_shares(self.mask.logit, self.treated.seen)


def rotated_treatments(state: StateDict) -> StateDict:
    """A model of mean-field embeddings in the basis in which its treatments move fewest latents."""
    log_scale = "treatments.embedding.log_scale"
    new, basis = in_sparsest_basis(state, "treatments.mask.logit", "treatments.embedding.mean")
    return new | {log_scale: ((2 * state[log_scale]).exp() @ basis**2).log() / 2}


def only_mean_field_rotates(settings: SparseHyperparameters, training: Mapping[str, Any]) -> str:
    """Why a correlated guide cannot be: its embeddings are what a network makes of masks."""
    asked = [key for key in ("pretrain_epochs", "restart_epochs") if training.get(key)]
    if settings.guide == "mean_field" or not asked:
        return ""
    return f"{' and '.join(asked)}: only the embeddings of guide: mean_field can be rotated"
