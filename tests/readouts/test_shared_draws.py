"""Draws of what all cells share: the same for every minibatch, others for every further block."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.stats import chi2
from torch import Tensor, nn

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, Problem
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.gaussian_values import NormalValues
from bench.training.replicate import Replicate
from tests.conftest import open_replicate

N_GENES = 30


@dataclass(frozen=True, kw_only=True)
class ShiftedConfig:
    """It has no options."""


class Shifted(nn.Module):
    """A treatment moves every gene by a draw of its own, which is all that varies."""

    def __init__(self, facts: DataFacts, config: ShiftedConfig) -> None:
        super().__init__()

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, 1)), "e": Noise((N_GENES,), shared=True)}

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NormalValues:
        mean = conditions["dosage"][:, None, :1] * noise["e"] + 0 * noise["z"][None]
        return NormalValues(mean, torch.full_like(mean, 1e-6))


SHIFTED = Variant(
    label="shifted",
    needs=frozenset({"values", "observed", "perturbation"}),
    can=frozenset(),
    config=ShiftedConfig,
    build=Shifted,
    reference="these tests",
)


@pytest.fixture
def problem() -> Problem:
    values = np.random.default_rng(0).normal(size=(12, N_GENES))
    return Problem(
        counts=csr_matrix(values),
        role=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), 6),
        scored_rows=np.arange(6, 12),
        labels={"perturbation": np.tile(["A", "control"], 6)},
        measured="values",
    )


def opened(problem: Problem) -> Replicate:
    return open_replicate(problem, SHIFTED, ShiftedConfig(), {}, 0, "effects")


def test_shared_draws_are_those_of_their_block(problem: Problem) -> None:
    fitted = opened(problem)

    def drawn(n_cells: int, draw_block: int) -> Tensor:
        return fitted.over_draws(lambda noise: noise["e"], n_cells, 4, draw_block)

    first = drawn(5, 0)
    assert torch.equal(drawn(2, 0), first)
    assert not torch.isclose(drawn(5, 1), first).any()
    assert len(first.unique()) == 4 * N_GENES


def test_every_block_of_an_effect_draws_globals_of_its_own(problem: Problem) -> None:
    """Chances: 30 effects are all 0 in expectation, and as far from it as their error says.

    Their squares over that of the error are chi-squared; a false alarm is below 1e-6.  With the
    draws of one block in all blocks they would be tens of times larger.
    """
    readout = card("readouts", "effects")
    config = readout.config(tolerance=1e-9, most_particles=40_000)
    arrays = readout.of_variant(opened(problem), problem, config)
    assert arrays["effect_error"].item() == pytest.approx(4000**-0.5, rel=0.05)
    squares = (arrays["effect"][0] / arrays["effect_error"][0]) ** 2
    low, high = chi2.ppf([2.5e-7, 1 - 2.5e-7], N_GENES)
    assert low < squares.sum() < high
