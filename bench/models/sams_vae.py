"""SAMS-VAE: a cell's latent is a basal state, moved sparsely by every treatment it was given.

    m_tk ~ Bernoulli(alpha)   e_tk ~ Normal(0, sigma)   b_i ~ Normal(0, I)
    z_i = b_i + sum_t D_it (e_t o m_t)
    x_i ~ NB(l_i softmax(f(z_i)) + 1e-4, theta)
    q(b_i | x_i, D_i, e, m) = Normal(g(x_i, sum_t D_it (e_t o m_t))), or of x_i alone

Posteriors of m and e: ``bench.parts.nn.treatment_posteriors``; how they enter the loss:
``parts.nn.sparse_treatments``.  What is read out of single cells without noise takes the globals
at their most probable value.  After ``pretrain_epochs`` without ``mask_weight``, and again every
``restart_epochs``, the latents are rotated into the basis in which treatments move fewest of them:
``bench.parts.nn.sparse_rotation``.  Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, TreatmentLatents, Variant
from bench.parts.nn.count_networks import EncoderInput
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.mask_priors import MaskPrior
from bench.parts.nn.observed import library_size, seen_counts
from bench.parts.nn.perturbation_networks import CountLaw, PerturbationEncoder, ShareDecoder
from bench.parts.nn.sparse_treatments import (
    Guide,
    SparseTreatments,
    only_mean_field_rotates,
    rotated_treatments,
)
from bench.parts.nn.treatment_encoding import Encoding


@dataclass(frozen=True, kw_only=True)
class SAMSVAEConfig:
    """Hyperparameters of SAMS-VAE."""

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
    likelihood: CountLaw = "nb"


class SAMSVAE(nn.Module):
    """One replicate, one draw: counts and dosages in, a ledger of nats per cell out."""

    def __init__(self, facts: DataFacts, config: SAMSVAEConfig) -> None:
        super().__init__()
        self.config, width, depth = config, config.n_hidden, config.n_layers
        self.treatments = SparseTreatments(facts, config)
        self.look = EncoderInput(facts, "log1p", standardize=True)
        n_known = 0 if config.mean_field_encoder else config.n_latent
        self.encoder = PerturbationEncoder(facts.n_genes, n_known, width, depth, config.n_latent)
        self.decoder = ShareDecoder(config.n_latent, width, depth, facts, config.likelihood)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent)), **self.treatments.noise()}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells), self._offset(cells, self.treatments.plugin()))}

    def generate(
        self, latents: Mapping[str, Tensor], cells: Minibatch
    ) -> NegativeBinomial | Poisson:
        offset = self._offset(cells, self.treatments.plugin())
        return self.decoder(latents["z"] + offset, library_size(cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        drawn = self.treatments.draw(noise)
        offset = self._offset(cells, drawn.moved)
        posterior = {"z": self.encoder(self.look(cells), offset)}
        latents = at_draw(posterior, noise)
        law = self.decoder(latents["z"] + offset, library_size(cells))
        log_likelihood = (cells["observed"] * law.log_prob(seen_counts(cells))).sum(-1)
        return standard_normal_ledger(log_likelihood, posterior, latents)._replace(
            shared=self.treatments.shared(drawn),
            penalty=self.treatments.penalty(drawn),
            diagnostics=self.treatments.diagnostics(),
        )

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NegativeBinomial | Poisson:
        offset = self._offset(conditions, self.treatments.draw(noise).moved)
        return self.decoder(noise["z"] + offset[:, None], cells["library"])

    def treatment_latents(self) -> TreatmentLatents:
        return self.treatments.expected()

    def _offset(self, cells: Minibatch, moved: Tensor) -> Tensor:
        return self.treatments.treated(cells) @ moved


def pretrained(facts: DataFacts, config: SAMSVAEConfig) -> SAMSVAE:
    """The same with the published weight of the mask."""
    plain = replace(config, mask_weight=1.0, mask_weight_per_cell=0.0)
    return SAMSVAE(facts, plain)


VARIANT = Variant(
    label="SAMS-VAE",
    needs=frozenset({"counts", "observed", "perturbation"}),
    can=frozenset({"bound", "counts", "latent", "perturbed", "treatments"}),
    config=SAMSVAEConfig,
    build=SAMSVAE,
    pretrain=pretrained,
    from_pretrained=lambda pretrained, initial: rotated_treatments(pretrained),
    reinitialise=rotated_treatments,
    validate=only_mean_field_rotates,
    training={"batch_size": 512, "learning_rate": 3e-4, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
