"""TITLE: state the generative model and the posterior in equations.

    z_i ~ Normal(0, I)
    x_ij | z_i ~ NB(l_i softmax(f(z_i))_j, theta_j)      l_i: observed library size
    q(z_i | x_i) = Normal(m(x_i), diag s(x_i)^2)

Source: the paper, or "defined here".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian, NegativeBinomial
from bench.parts.nn.observed import library_size, seen_counts


@dataclass(frozen=True, kw_only=True)
class TemplateConfig:
    """Hyperparameters with defaults, ranges and docs."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    """Width of the hidden layers."""


class Template(nn.Module):
    """Code for one replicate and one draw, without a replicate axis, devices or generators."""

    def __init__(self, facts: DataFacts, config: TemplateConfig) -> None:
        super().__init__()
        self.n_latent, n_genes, width = config.n_latent, facts.n_genes, config.n_hidden
        self.encoder = nn.Sequential(
            nn.Linear(n_genes, width), nn.ReLU(), nn.Linear(width, 2 * self.n_latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(self.n_latent, width), nn.ReLU(), nn.Linear(width, n_genes)
        )
        self.log_theta = nn.Parameter(torch.zeros(n_genes))

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """The noise of one pass, by the name of its latent."""
        return {"z": Noise((n_cells, self.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        """Posteriors by the name of their latent, with one named z; (cell, latent) each."""
        mean, log_sd = self.encoder(seen_counts(cells).log1p()).chunk(2, -1)
        return {"z": Gaussian(mean, log_sd.exp())}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> NegativeBinomial:
        """The distribution of the counts, (cell, gene)."""
        share = self.decoder(latents["z"]).softmax(-1)
        return NegativeBinomial(library_size(cells) * share, self.log_theta.exp())

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        """Nats per cell: the terms of the negative ELBO, and the importance weight at the draw."""
        q = self.infer(cells)["z"]
        z = q.at(noise["z"])
        law = self.generate({"z": z}, cells)
        # The likelihood and the encoder ignore entries that are not observed.
        log_likelihood = law.log_likelihood(cells)
        prior = Gaussian(torch.zeros_like(z), torch.ones_like(z))
        return LossTerms.of(
            local={"reconstruction": -log_likelihood, "kl_z": q.kl_to_standard()},
            log_weight=log_likelihood + prior.log_prob(z) - q.log_prob(z),
        )


VARIANT = Variant(
    label="TITLE",
    needs=frozenset({"counts", "observed"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=TemplateConfig,
    build=Template,
    reference="yours",
)
