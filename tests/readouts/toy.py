"""A variant to read out whose every density is known in closed form, and a problem for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian, NegativeBinomial, ZeroInflatedNegativeBinomial
from bench.parts.nn.latents import at_draw, standard_normal_ledger
from bench.training.replicate import Replicate
from tests.conftest import open_replicate

GROUPS = ("a", "b", "c")


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """How wide the posterior is, and whether counts are lost or batches shift them."""

    spread: float = 0.1
    lost: bool = False
    by_batch: bool = False
    library: bool = False


class Toy(nn.Module):
    """z is the cell's first counts; the means are exp of a fixed map of z (and of the batch)."""

    def __init__(self, facts: DataFacts, config: ToyConfig) -> None:
        super().__init__()
        self.config, self.n_genes = config, facts.n_genes
        self.shift = nn.Parameter(torch.linspace(-1, 1, facts.n_genes))

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, 1))}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        mean = cells["counts"][:, :1].log1p() / 4
        return {"z": Gaussian(mean, torch.full_like(mean, self.config.spread))}

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Any:
        exponent = 1 + latents["z"] * self.shift
        if self.config.by_batch:
            exponent = exponent + cells["batch"].unsqueeze(-1) * self.shift
        mean, theta = exponent.exp(), torch.full((self.n_genes,), 2.0)
        if self.config.lost:
            return ZeroInflatedNegativeBinomial(mean, theta, torch.zeros(self.n_genes))
        return NegativeBinomial(mean, theta)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        posterior = self.infer(cells)
        latents = at_draw(posterior, noise)
        log_prob = self.generate(latents, cells).log_prob(cells["counts"])
        terms = standard_normal_ledger(log_prob.sum(-1), posterior, latents)
        if self.config.library:
            terms.local["library_kl"] = torch.full((len(cells["counts"]),), 3.0)
        return terms


TOY = Variant(
    label="toy",
    needs=frozenset({"counts", "observed", "batch"}),
    can=frozenset(),
    config=ToyConfig,
    build=Toy,
    reference="these tests",
)


def toy_problem(counts: np.ndarray, **labels: np.ndarray) -> Problem:
    """Every third cell is scored; three groups and two batches unless told."""
    n_cells = len(counts)
    role = np.array([TRAIN, VALIDATION, TEST], dtype=np.int8)[np.arange(n_cells) % 3]
    named = {
        "batch": np.array(["x", "y"])[np.arange(n_cells) % 2],
        "cell_type": np.array(GROUPS)[np.arange(n_cells) // 3 % 3],
    }
    scored = np.flatnonzero(role == TEST)
    return Problem(counts=csr_matrix(counts), role=role, scored_rows=scored, labels=named | labels)


def open_toy(problem: Problem, **settings: Any) -> Replicate:
    """The toy with these settings, ready to be read out."""
    state = {"shift": torch.linspace(-1, 1, problem.counts.shape[1])}
    return open_replicate(problem, TOY, ToyConfig(**settings), state, 0, "a test")
