"""Truths and chances: a counterfactual is about the cells that there are, not about the prior's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, Problem
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.gaussian_values import NormalValues
from bench.training.replicate import Replicate
from tests.conftest import open_replicate

READOUT = card("readouts", "counterfactual_effects")
SD = 0.1


@dataclass(frozen=True, kw_only=True)
class SquaringConfig:
    """It has no options."""


class Squaring(nn.Module):
    """A latent is the cell's first value, known to SD; a treatment adds its square to all genes."""

    def __init__(self, facts: DataFacts, config: SquaringConfig) -> None:
        super().__init__()
        self.looks = 0

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, 1)), "keep": Noise((n_cells, 1), "uniform")}

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        self.looks += 1
        mean = cells["values"][:, :1]
        return {"z": Gaussian(mean, torch.full_like(mean, SD)), "unasked": Gaussian(mean, mean)}

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> NormalValues:
        assert "unasked" not in noise
        mean = cells["values"] + conditions["dosage"][:, None, :1] * noise["z"].square()
        return NormalValues(mean, torch.full_like(mean, 1e-6))


SQUARING = Variant(
    label="squaring",
    needs=frozenset({"values", "observed", "perturbation"}),
    can=frozenset(),
    config=SquaringConfig,
    build=Squaring,
    reference="these tests",
)


@pytest.fixture
def problem() -> Problem:
    """Training controls stand at 3 and at 5, all other cells far away."""
    level = np.full(12, 100.0)
    perturbation = np.tile(["A", "control"], 6)
    level[[1, 3, 5]] = [3.0, 3.0, 5.0]
    return Problem(
        counts=csr_matrix(np.tile(level[:, None], (1, 4))),
        role=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), 6),
        scored_rows=np.arange(6, 12),
        labels={"perturbation": perturbation},
        measured="values",
    )


def opened(problem: Problem) -> Replicate:
    return open_replicate(problem, SQUARING, SquaringConfig(), {}, 0, "test")


def test_effects_are_those_on_the_cells_that_there_are(problem: Problem) -> None:
    """Of controls at 3, 3 and 5 the mean square is 14 1/3; under the prior it would be 1.

    Chance: the mean of 4,000 controls, whose squares have a standard deviation below 8, is off by
    0.8 with a probability below 1e-9."""
    config = READOUT.config(tolerance=1e-9, most_particles=4000)
    found = READOUT.of_variant(opened(problem), problem, config)["counterfactual_effect"]
    assert found.shape == (1, 4)
    np.testing.assert_allclose(found, (9 + 9 + 25) / 3 + SD**2, atol=0.8)


def test_the_error_is_that_between_cells(problem: Problem) -> None:
    """Ten controls a draw: with a tolerance of 0.1 it takes 7.54^2 / 0.1^2 / 10 = 569 of them.

    Chance: the variance of 500 draws of a bounded number is off by a third with a probability
    below 1e-9.  Draws that shared their controls would end after the first few."""
    fitted = opened(problem)
    READOUT.of_variant(fitted, problem, READOUT.config(tolerance=0.1, most_particles=100_000))
    assert 569 * 2 / 3 < fitted.module.looks < 569 * 4 / 3


@pytest.mark.parametrize(("tolerance", "looks"), [(1e6, 25), (1e-9, 100)])
def test_drawing_ends_where_the_effect_is_known(
    problem: Problem, tolerance: float, looks: int
) -> None:
    """Or where there are particles enough: 10 come from every look at some controls."""
    fitted = opened(problem)
    READOUT.of_variant(fitted, problem, READOUT.config(tolerance=tolerance, most_particles=1000))
    assert fitted.module.looks == looks
