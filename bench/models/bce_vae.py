"""The plain VAE with a Bernoulli decoder, on counts scaled to [0, 1].

    y_ij = x_ij / max_i x_ij (``scaled``) or 1[x_ij > 0] (``binarised``)
    z_i ~ Normal(0, I)      loss = - sum_j [y log p_j + (1 - y) log(1 - p_j)] + KL
    p = sigmoid f(z), q(z | y) = Normal(m(y), diag exp(v(y)))      a log-variance head

Cross-entropy is not a likelihood of counts: this variant has a latent and no bound, so comparisons
of likelihoods omit it.  ``legacy`` divides both terms by the number of genes, as the old PyTorch
example did: the optimum is the same, the steps differ.  Both terms ignore missing entries.
Source: Kingma and Welling 2014, arXiv 1312.6114; the VAE of pytorch/examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.latents import log_standard_normal
from bench.parts.nn.observed import seen_counts


@dataclass(frozen=True, kw_only=True)
class BCEVAEConfig:
    """Hyperparameters of the plain VAE, with the example's defaults."""

    n_latent: Annotated[int, Gt(0)] = 20
    n_hidden: Annotated[int, Gt(0)] = 400
    counts_as: Literal["scaled", "binarised"] = "scaled"
    """Transformation of counts to [0, 1]."""
    kl_norm: Literal["none", "legacy"] = "none"
    """Sum both terms over genes and dimensions, or divide them by the number of genes."""


class BCEVAE(nn.Module):
    """Maps (cell, gene) counts to a ledger per cell, for one replicate and one draw."""

    largest: Tensor

    def __init__(self, facts: DataFacts, config: BCEVAEConfig) -> None:
        super().__init__()
        self.config, n_genes, width = config, facts.n_genes, config.n_hidden
        self.hidden = nn.Linear(n_genes, width)
        self.mean = nn.Linear(width, config.n_latent)
        self.log_variance = nn.Linear(width, config.n_latent)
        self.decoder = nn.Sequential(
            nn.Linear(config.n_latent, width), nn.ReLU(), nn.Linear(width, n_genes)
        )
        self.register_buffer("largest", torch.tensor(facts.gene_max).clamp_min(1))

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, self.config.n_latent))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        hidden = self.hidden(self._squeezed(cells)).relu()
        return {"z": Gaussian(self.mean(hidden), (0.5 * self.log_variance(hidden)).exp())}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        """(cell, gene) logits of p."""
        return self.decoder(latents["z"])

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        q = self.infer(cells)["z"]
        z, target = q.at(noise["z"]), self._squeezed(cells)
        logit = self.generate({"z": z}, cells)
        # - y log sigmoid(a) - (1 - y) log(1 - sigmoid(a)) = softplus(a) - y a
        cross_entropy = (cells["observed"] * (softplus(logit) - target * logit)).sum(-1)
        divisor = logit.shape[-1] if self.config.kl_norm == "legacy" else 1
        local = {"reconstruction": cross_entropy, "kl_z": q.kl_to_standard()}
        weight = -cross_entropy + log_standard_normal(z) - q.log_prob(z)
        scaled = {name: term / divisor for name, term in local.items()}
        return LossTerms.of(local=scaled, log_weight=weight / divisor)

    def _squeezed(self, cells: Minibatch) -> Tensor:
        seen = seen_counts(cells)
        if self.config.counts_as == "binarised":
            return (seen > 0).to(seen.dtype)
        # A held-out cell may exceed the training maximum.
        return (seen / self.largest).clamp_max(1)


VARIANT = Variant(
    label="BCE VAE",
    needs=frozenset({"counts", "observed"}),
    can=frozenset({"latent"}),
    config=BCEVAEConfig,
    build=BCEVAE,
    reference="Kingma and Welling 2014, arXiv 1312.6114",
)
