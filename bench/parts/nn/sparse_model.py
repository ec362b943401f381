"""SAMS-VAE for any observation distribution; variants hold it with their observation.

    z_i = b_i + sum_t D_it (e_t o m_t)     x_i ~ the observation distribution at z_i
    q(b_i | x_i, D_i, e, m) = Normal(g(x_i, sum_t D_it (e_t o m_t))), or of x_i alone

Readouts of single cells without noise use the globals at their most probable values.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, TreatmentLatents
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.gaussian_values import NormalValues
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.perturbation_networks import PerturbationEncoder
from bench.parts.nn.sparse_treatments import SparseHyperparameters, SparseTreatments

Law = NegativeBinomial | Poisson | NormalValues


class Observation(Protocol):
    """The observation model of a cell: an ``nn.Module`` with the decoder."""

    def look(self, cells: Minibatch) -> Tensor:
        """(cell, gene) input of the encoder."""

    def law(self, z: Tensor, cells: Minibatch) -> Law:
        """p(x | z), (…, cell, gene), of (…, cell, latent)."""


class SparseModel(nn.Module):
    """Maps cells and dosages to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(
        self,
        facts: DataFacts,
        settings: SparseHyperparameters,
        observation: Callable[[], Observation],
    ) -> None:
        super().__init__()
        self.n_latent = settings.n_latent
        self.treatments = SparseTreatments(facts, settings)
        n_known = 0 if settings.mean_field_encoder else settings.n_latent
        width, depth = settings.n_hidden, settings.n_layers
        self.encoder = PerturbationEncoder(facts.n_genes, n_known, width, depth, settings.n_latent)
        # Built here and not passed in: layers draw their weights in the order of construction.
        self.observation = observation()

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """Noise for the basal state of every cell, and for the globals."""
        return {"z": Noise((n_cells, self.n_latent)), **self.treatments.noise()}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        """q(basal state | x) at the globals' most probable value."""
        return {"z": self._posterior(cells, self._offset(cells, self.treatments.plugin()))}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Law:
        """p(x | basal state) at the globals' most probable value, (cell, gene)."""
        offset = self._offset(cells, self.treatments.plugin())
        return self.observation.law(latents["z"] + offset, cells)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """The ledger, with the terms of the globals once per dataset."""
        sampled = self.treatments.draw(noise)
        offset = self._offset(cells, sampled.moved)
        posterior = {"z": self._posterior(cells, offset)}
        latents = at_draw(posterior, noise)
        law = self.observation.law(latents["z"] + offset, cells)
        log_likelihood = law.log_likelihood(cells)
        return standard_normal_ledger(log_likelihood, posterior, latents)._replace(
            shared=self.treatments.shared(sampled),
            penalty=self.treatments.penalty(sampled),
            diagnostics=self.treatments.diagnostics(),
        )

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> Law:
        """p(x) of these cells under each condition, (condition, cell, gene)."""
        offset = self._offset(conditions, self.treatments.draw(noise).moved)
        return self.observation.law(noise["z"] + offset[:, None], cells)

    def treatment_latents(self) -> TreatmentLatents:
        """Posterior mask probabilities and expected embeddings."""
        return self.treatments.expected()

    def _posterior(self, cells: Minibatch, offset: Tensor) -> Gaussian:
        posterior: Gaussian = self.encoder(self.observation.look(cells), offset)
        return posterior

    def _offset(self, cells: Minibatch, moved: Tensor) -> Tensor:
        return self.treatments.treated(cells) @ moved
