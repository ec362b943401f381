"""SAMS-VAE of real numbers that are no counts, as its authors' simulation has them.

    m_tk ~ Bernoulli(alpha)   e_tk ~ Normal(0, sigma)   b_i ~ Normal(0, I)
    z_i = b_i + sum_t D_it (e_t o m_t)
    x_ij ~ Normal(f(z_i)_j, s_j), s shared by all cells or decoded
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
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.gaussian_values import (
    NormalValues,
    ValueDecoder,
    ValueInput,
    ValueLaw,
    seen_values,
)
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.mask_priors import MaskPrior
from bench.parts.nn.perturbation_networks import PerturbationEncoder
from bench.parts.nn.sparse_treatments import (
    Guide,
    SparseTreatments,
    only_mean_field_rotates,
    rotated_treatments,
)
from bench.parts.nn.treatment_encoding import Encoding


@dataclass(frozen=True, kw_only=True)
class SAMSVAENormalConfig:
    """Hyperparameters of SAMS-VAE of real numbers."""

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
    likelihood: ValueLaw = "normal_fixed_variance"


class SAMSVAENormal(nn.Module):
    """One replicate, one draw: values and dosages in, a ledger of nats per cell out."""

    def __init__(self, facts: DataFacts, config: SAMSVAENormalConfig) -> None:
        super().__init__()
        self.config, width, depth = config, config.n_hidden, config.n_layers
        self.treatments = SparseTreatments(facts, config)
        self.look = ValueInput(facts)
        n_known = 0 if config.mean_field_encoder else config.n_latent
        self.encoder = PerturbationEncoder(facts.n_genes, n_known, width, depth, config.n_latent)
        self.decoder = ValueDecoder(config.n_latent, width, depth, facts.n_genes, config.likelihood)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent)), **self.treatments.noise()}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells), self._offset(cells, self.treatments.plugin()))}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> NormalValues:
        offset = self._offset(cells, self.treatments.plugin())
        return self.decoder(latents["z"] + offset)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        drawn = self.treatments.draw(noise)
        offset = self._offset(cells, drawn.moved)
        posterior = {"z": self.encoder(self.look(cells), offset)}
        latents = at_draw(posterior, noise)
        law = self.decoder(latents["z"] + offset)
        log_likelihood = (cells["observed"] * law.log_prob(seen_values(cells))).sum(-1)
        return standard_normal_ledger(log_likelihood, posterior, latents)._replace(
            shared=self.treatments.shared(drawn),
            penalty=self.treatments.penalty(drawn),
            diagnostics=self.treatments.diagnostics(),
        )

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NormalValues:
        offset = self._offset(conditions, self.treatments.draw(noise).moved)
        return self.decoder(noise["z"] + offset[:, None])

    def treatment_latents(self) -> TreatmentLatents:
        return self.treatments.expected()

    def _offset(self, cells: Minibatch, moved: Tensor) -> Tensor:
        return self.treatments.treated(cells) @ moved


def pretrained(facts: DataFacts, config: SAMSVAENormalConfig) -> SAMSVAENormal:
    """The same with the published weight of the mask."""
    plain = replace(config, mask_weight=1.0, mask_weight_per_cell=0.0)
    return SAMSVAENormal(facts, plain)


VARIANT = Variant(
    label="SAMS-VAE of real numbers",
    needs=frozenset({"values", "observed", "perturbation"}),
    can=frozenset({"bound", "latent", "perturbed", "treatments"}),
    config=SAMSVAENormalConfig,
    build=SAMSVAENormal,
    pretrain=pretrained,
    from_pretrained=lambda pretrained, initial: rotated_treatments(pretrained),
    reinitialise=rotated_treatments,
    validate=only_mean_field_rotates,
    training={"batch_size": 512, "learning_rate": 1e-3, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
