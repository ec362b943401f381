"""VAE conditional on the treatments of each cell, without treatment latents.

    z_i ~ Normal(0, I)     x_i ~ NB(l_i softmax(f(z_i, D_i)), theta)     q(z_i | x_i, D_i) Gaussian

D_i are the cell's dosages, l_i its observed library size.  A treatment without training
cells is removed from D and has no effect.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794 (conditional VAE).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.count_networks import EncoderInput
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, Poisson
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.parts.nn.observed import library_size
from bench.parts.nn.perturbation_networks import CountLaw, PerturbationEncoder, ShareDecoder
from bench.parts.nn.treatment_encoding import Encoding, TreatmentEncoding


@dataclass(frozen=True, kw_only=True)
class ConditionalVAEConfig:
    """Hyperparameters of the conditional VAE."""

    n_latent: Annotated[int, Gt(0)] = 100
    n_hidden: Annotated[int, Gt(0)] = 400
    """Width of every hidden layer."""
    n_layers: Annotated[int, Ge(1)] = 1
    """Hidden layers of encoder and of decoder."""
    encoding: Encoding = "additive"
    """Encode a combination as the sum of its treatments, or as a separate perturbation."""
    likelihood: CountLaw = "nb"


class ConditionalVAE(nn.Module):
    """Maps counts and dosages to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: ConditionalVAEConfig) -> None:
        super().__init__()
        self.config, width = config, config.n_hidden
        self.treated = TreatmentEncoding(facts, config.encoding)
        n_known = self.treated.n_columns
        self.look = EncoderInput(facts, "log1p", standardize=True)
        self.encoder = PerturbationEncoder(
            facts.n_genes, n_known, width, config.n_layers, config.n_latent
        )
        n_in = config.n_latent + n_known
        self.decoder = ShareDecoder(n_in, width, config.n_layers, facts, config.likelihood)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return {"z": self.encoder(self.look(cells), self._dosage(cells))}

    def generate(
        self, latents: Mapping[str, Tensor], cells: Minibatch
    ) -> NegativeBinomial | Poisson:
        z = torch.cat([latents["z"], self._dosage(cells)], -1)
        return self.decoder(z, library_size(cells))

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        posterior = self.infer(cells)
        latents = at_draw(posterior, noise)
        log_likelihood = self.generate(latents, cells).log_likelihood(cells)
        return standard_normal_ledger(log_likelihood, posterior, latents)

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NegativeBinomial | Poisson:
        dosage, basal = self._dosage(conditions)[:, None], noise["z"][None]
        n_conditions, n_cells = dosage.shape[0], basal.shape[1]
        both = [basal.expand(n_conditions, -1, -1), dosage.expand(-1, n_cells, -1)]
        return self.decoder(torch.cat(both, -1), cells["library"])

    def _dosage(self, cells: Minibatch) -> Tensor:
        return self.treated(cells) * self.treated.seen


VARIANT = Variant(
    label="conditional VAE",
    needs=frozenset({"counts", "observed", "perturbation"}),
    can=frozenset({"bound", "counts", "latent", "perturbed"}),
    config=ConditionalVAEConfig,
    build=ConditionalVAE,
    training={"batch_size": 512, "learning_rate": 3e-4, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
