"""scVI in two halves, inference and generation, shared by the variants of its family.

    inference     q(z | x) and, with a latent library, q(l | x), from log(1 + x)
    generation    x_ij ~ ZINB(exp(l_i) rho_ij, theta, pi_ij),  rho, pi from z and covariates

Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools 1.4 for all constants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise
from bench.parts.nn.distributions import (
    Gaussian,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from bench.parts.nn.latents import Gaussians, Latents, log_standard_normal
from bench.parts.nn.observed import library_size, log_seen_counts
from bench.parts.nn.scvi_networks import ScviEncoder, ScviTower
from bench.parts.nn.shares import Shares, shares_of

EPSILON = 1e-8
"""Added to means and dispersions before their logarithm (scVI)."""

Counts = Poisson | NegativeBinomial | ZeroInflatedNegativeBinomial
Likelihood = Literal["zinb", "nb", "poisson"]


@dataclass(frozen=True, kw_only=True)
class ScviHyperparameters:
    """Hyperparameters of the two halves, with the defaults of scvi-tools; configs extend it."""

    n_latent: Annotated[int, Gt(0)] = 10
    n_hidden: Annotated[int, Gt(0)] = 128
    n_layers: Annotated[int, Ge(1)] = 1
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Dropout rate of the encoder; the decoder has none."""
    likelihood: Likelihood = "zinb"
    dispersion: Literal["gene", "gene-batch", "gene-label", "gene-cell"] = "gene"
    """Units that share an inverse dispersion."""
    latent_library: bool = False
    """Infer the library size under the prior of the batch, instead of the observed library size."""
    encode_covariates: bool = False
    """Add the covariates to the input of the encoder."""
    label_covariate: bool = False
    """Decode with the cell type as a covariate in addition to the batch."""


def covariates(cells: Minibatch, facts: DataFacts, settings: ScviHyperparameters) -> list[Tensor]:
    """(cell, level) one-hot columns of the batch, if any, and optionally of the cell type."""
    columns = []
    if facts.n_batches:
        columns.append(one_hot(cells["batch"], facts.n_batches).float())
    if settings.label_covariate:
        columns.append(one_hot(cells["cell_type"], facts.n_cell_types).float())
    return columns


def n_covariates(facts: DataFacts, settings: ScviHyperparameters) -> int:
    """Number of columns of :func:`covariates`."""
    return facts.n_batches + (facts.n_cell_types if settings.label_covariate else 0)


class Inference(nn.Module):
    """The encoders."""

    def __init__(self, facts: DataFacts, settings: ScviHyperparameters) -> None:
        super().__init__()
        self.facts, self.settings = facts, settings
        extra = n_covariates(facts, settings) if settings.encode_covariates else 0
        width, rate = settings.n_hidden, settings.dropout
        tower = ScviTower(facts.n_genes, width, settings.n_layers, extra, rate)
        self.z = ScviEncoder(tower, width, settings.n_latent)
        if settings.latent_library:
            self.library = ScviEncoder(ScviTower(facts.n_genes, width, 1, extra, rate), width, 1)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        """A normal draw per latent, and a uniform number per unit with dropout."""
        width = self.settings.n_hidden
        wanted = {
            "z": Noise((n_cells, self.settings.n_latent)),
            "keep_z": Noise((n_cells, self.settings.n_layers, width), "uniform"),
        }
        if self.settings.latent_library:
            wanted["library"] = Noise((n_cells, 1))
            wanted["keep_library"] = Noise((n_cells, 1, width), "uniform")
        return wanted

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> dict[str, Gaussian]:
        """Posteriors by name; without noise there is no dropout."""
        looked = log_seen_counts(cells)
        extra = covariates(cells, self.facts, self.settings)
        extra = extra if self.settings.encode_covariates else []
        posterior = {"z": self.z(looked, extra, noise.get("keep_z"))}
        if self.settings.latent_library:
            posterior["library"] = self.library(looked, extra, noise.get("keep_library"))
        return posterior


class Dispersion(nn.Module):
    """theta: one value per gene, per gene and batch or label, or decoded for each cell."""

    def __init__(self, facts: DataFacts, settings: ScviHyperparameters) -> None:
        super().__init__()
        self.of, self.facts = settings.dispersion, facts
        levels = {"gene": 1, "gene-batch": facts.n_batches, "gene-label": facts.n_cell_types}
        if self.of == "gene-cell":
            self.decoded = nn.Linear(settings.n_hidden, facts.n_genes)
        elif not levels[self.of]:
            raise ValueError(f"dispersion {self.of} needs data with that label")
        else:
            self.log_theta = nn.Parameter(torch.randn(levels[self.of], facts.n_genes))

    def forward(self, hidden: Tensor, cells: Minibatch) -> Tensor:
        """(1 or cell, gene) inverse dispersion."""
        if self.of == "gene-cell":
            return self.decoded(hidden).exp()
        if self.of == "gene":
            return self.log_theta.exp()
        by, levels = {
            "gene-batch": ("batch", self.facts.n_batches),
            "gene-label": ("cell_type", self.facts.n_cell_types),
        }[self.of]
        return (one_hot(cells[by], levels).float() @ self.log_theta).exp()


def counts_of(likelihood: Likelihood, rates: Shares, theta: Tensor, logit: Tensor) -> Counts:
    """The distribution of counts with these parameters."""
    if likelihood == "poisson":
        return Poisson(rates)
    if likelihood == "nb":
        return NegativeBinomial(rates, theta + EPSILON)
    return ZeroInflatedNegativeBinomial(rates, theta + EPSILON, logit)


def library_of(latents: Latents, cells: Minibatch) -> Tensor:
    """(cell, 1) library size: latent if the model infers it, else observed."""
    return latents["library"].exp() if "library" in latents else library_size(cells)


class Generation(nn.Module):
    """The decoder: a tower with the covariates in every layer, and its heads."""

    def __init__(self, facts: DataFacts, settings: ScviHyperparameters) -> None:
        super().__init__()
        self.facts, self.settings = facts, settings
        width = settings.n_hidden
        extra = n_covariates(facts, settings)
        self.tower = ScviTower(settings.n_latent, width, settings.n_layers, extra, 0.0)
        self.share = nn.Linear(width, facts.n_genes)
        if settings.likelihood == "zinb":
            self.dropout_logit = nn.Linear(width, facts.n_genes)
        if settings.likelihood != "poisson":
            self.theta = Dispersion(facts, settings)

    def forward(self, latents: Latents, cells: Minibatch) -> Counts:
        """p(x | z, l, covariates), (cell, gene)."""
        hidden = self.tower(latents["z"], covariates(cells, self.facts, self.settings), None)
        share, kind = self.share(hidden), self.settings.likelihood
        theta = share if kind == "poisson" else self.theta(hidden, cells)
        logit = self.dropout_logit(hidden) if kind == "zinb" else share
        rates = shares_of(library_of(latents, cells), share, EPSILON)
        return counts_of(kind, rates, theta, logit)


class LinearGeneration(nn.Module):
    """The linear decoder: shares and dropout logits are linear in z and the covariates."""

    def __init__(self, facts: DataFacts, settings: ScviHyperparameters) -> None:
        super().__init__()
        self.facts, self.settings = facts, settings
        n_in = settings.n_latent + n_covariates(facts, settings)
        self.share = _normalised_linear(n_in, facts.n_genes)
        if settings.likelihood == "zinb":
            self.dropout_logit = _normalised_linear(n_in, facts.n_genes)
        if settings.likelihood != "poisson":
            self.theta = Dispersion(facts, settings)

    def forward(self, latents: Latents, cells: Minibatch) -> Counts:
        """p(x | z, l, covariates), (cell, gene)."""
        columns = covariates(cells, self.facts, self.settings)
        decoded = torch.cat([latents["z"], *columns], -1)
        share, kind = self.share(decoded), self.settings.likelihood
        theta = share if kind == "poisson" else self.theta(decoded, cells)
        logit = self.dropout_logit(decoded) if kind == "zinb" else share
        rates = shares_of(library_of(latents, cells), share, EPSILON)
        return counts_of(kind, rates, theta, logit)


def _normalised_linear(n_in: int, n_out: int) -> nn.Sequential:
    norm = nn.BatchNorm1d(n_out, momentum=0.01, eps=0.001)
    return nn.Sequential(nn.Linear(n_in, n_out, bias=False), norm)


class LibraryPrior(nn.Module):
    """Normal log library sizes with the moments of each batch's training cells."""

    def __init__(self, facts: DataFacts) -> None:
        super().__init__()
        self.n_batches = facts.n_batches
        self.moments: Tensor
        self.register_buffer("moments", torch.tensor(facts.log_library))

    def forward(self, cells: Minibatch) -> Gaussian:
        """(cell, 1) or, without batches, (1, 1)."""
        chosen = self.moments[:1]
        if self.n_batches:
            chosen = one_hot(cells["batch"], self.n_batches).float() @ self.moments
        return Gaussian(chosen[:, :1], chosen[:, 1:].sqrt())


def scvi_ledger(
    log_likelihood: Tensor, posterior: Gaussians, latents: Latents, library: Gaussian | None
) -> LossTerms:
    """(cell,) terms in nats: reconstruction, KL of z (warms up), KL of the library (does not)."""
    z = posterior["z"]
    local = {"reconstruction": -log_likelihood, "kl_z": z.kl_to_standard()}
    log_weight = log_likelihood + log_standard_normal(latents["z"]) - z.log_prob(latents["z"])
    if library is not None:
        q, sampled = posterior["library"], latents["library"]
        local["library_kl"] = q.kl_to(library)
        log_weight = log_weight + library.log_prob(sampled) - q.log_prob(sampled)
    return LossTerms.of(local=local, log_weight=log_weight)
