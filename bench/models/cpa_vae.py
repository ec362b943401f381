"""CPA-VAE: the latent of a cell is a basal state plus a dense shift for every treatment.

    e_tk ~ Normal(0, sigma)   b_i ~ Normal(0, I)   z_i = b_i + sum_t D_it e_t
    x_i ~ NB(l_i softmax(f(z_i)) + 1e-4, theta)
    q(e_tk) Gaussian,  q(b_i | x_i, D_i, e) = Normal(g(x_i, sum_t D_it e_t)), or of x_i alone

SAMS-VAE without its mask: the ablation of the SAMS-VAE authors, not the adversarial autoencoder
CPA, which is ``cpa_adversarial``.  The KL of the embedding of every treatment with training cells
enters the ledger once per dataset.  Readouts of single cells without noise use the mean embeddings.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, TreatmentLatents, Variant
from bench.parts.nn.count_networks import EncoderInput
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.observed import library_size
from bench.parts.nn.perturbation_networks import CountLaw, PerturbationEncoder, ShareDecoder
from bench.parts.nn.treatment_encoding import Encoding, TreatmentEncoding
from bench.parts.nn.treatment_posteriors import MeanFieldEmbedding


@dataclass(frozen=True, kw_only=True)
class CPAVAEConfig:
    """Hyperparameters of CPA-VAE."""

    n_latent: Annotated[int, Gt(0)] = 100
    n_hidden: Annotated[int, Gt(0)] = 400
    """Width of every hidden layer."""
    n_layers: Annotated[int, Ge(1)] = 1
    """Hidden layers of encoder and of decoder."""
    encoding: Encoding = "additive"
    """Encode a combination as the sum of its treatments, or as a separate perturbation."""
    mean_field_encoder: bool = False
    """Encode the observed data only, without the shift by the treatments."""
    embedding_prior_scale: Annotated[float, Gt(0)] = 1.0
    """sigma."""
    likelihood: CountLaw = "nb"


class CPAVAE(nn.Module):
    """Maps counts and dosages to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: CPAVAEConfig) -> None:
        super().__init__()
        self.config, width, depth = config, config.n_hidden, config.n_layers
        self.treated = TreatmentEncoding(facts, config.encoding)
        self.embedding = MeanFieldEmbedding(self.treated.n_columns, config.n_latent)
        self.look = EncoderInput(facts, "log1p", standardize=True)
        n_known = 0 if config.mean_field_encoder else config.n_latent
        self.encoder = PerturbationEncoder(facts.n_genes, n_known, width, depth, config.n_latent)
        self.decoder = ShareDecoder(config.n_latent, width, depth, facts, config.likelihood)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        n_latent = self.config.n_latent
        shape = (self.treated.n_columns, n_latent)
        return {"z": Noise((n_cells, n_latent)), "embedding": Noise(shape, shared=True)}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells), self._offset(cells, self._mean()))}

    def generate(
        self, latents: Mapping[str, Tensor], cells: Minibatch
    ) -> NegativeBinomial | Poisson:
        offset = self._offset(cells, self._mean())
        return self.decoder(latents["z"] + offset, library_size(cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        offset = self._offset(cells, self._at(noise["embedding"]))
        posterior = {"z": self.encoder(self.look(cells), offset)}
        latents = at_draw(posterior, noise)
        law = self.decoder(latents["z"] + offset, library_size(cells))
        log_likelihood = law.log_likelihood(cells)
        kl = (self.embedding().kl_to(self._prior()) * self.treated.seen).sum()
        ledger = standard_normal_ledger(log_likelihood, posterior, latents)
        return ledger._replace(shared={"kl_embedding": kl})

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NegativeBinomial | Poisson:
        offset = self._offset(conditions, self._at(noise["embedding"]))
        return self.decoder(noise["z"] + offset[:, None], cells["library"])

    def treatment_latents(self) -> TreatmentLatents:
        mean = self._mean()
        return TreatmentLatents(self.treated.names, torch.ones_like(mean), mean)

    def _prior(self) -> Gaussian:
        mean, sd = self.embedding.mean, self.config.embedding_prior_scale
        return Gaussian(torch.zeros_like(mean), torch.full_like(mean, sd))

    def _at(self, noise: Tensor) -> Tensor:
        """(treatment, latent) a draw; from the prior for treatments without training cells."""
        seen = self.treated.seen[:, None] > 0
        return torch.where(seen, self.embedding().at(noise), self._prior().at(noise))

    def _mean(self) -> Tensor:
        return self.embedding().mean * self.treated.seen[:, None]

    def _offset(self, cells: Minibatch, moved: Tensor) -> Tensor:
        return self.treated(cells) @ moved


VARIANT = Variant(
    label="CPA-VAE",
    needs=frozenset({"counts", "observed", "perturbation"}),
    can=frozenset({"bound", "counts", "latent", "perturbed", "treatments"}),
    config=CPAVAEConfig,
    build=CPAVAE,
    training={"batch_size": 512, "learning_rate": 3e-4, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
