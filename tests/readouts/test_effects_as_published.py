"""Chances and truths: what SAMS-VAE's estimator of effects shares between arms, and what not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, Problem
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Poisson
from bench.training.replicate import Replicate
from tests.conftest import open_replicate

READOUT = card("readouts", "effects_as_published")
N_GENES = 3


@dataclass(frozen=True, kw_only=True)
class TellingConfig:
    """It has no options."""


class Exactly(NamedTuple):
    """A law that is one value."""

    value: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        return self.value


class Telling(nn.Module):
    """Its values say what they were made of: the basal noise, the shared noise and the dosage of
    the first treatment; its counts have shares 1/4, 1/4, 1/2, or 1/2 for the first if treated."""

    def __init__(self, facts: DataFacts, config: TellingConfig) -> None:
        super().__init__()
        self.libraries: list[float] = []

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return {"z": Noise((n_cells, 1)), "e": Noise((1,), shared=True)}

    def predict_perturbed(
        self, cells: Minibatch, conditions: Minibatch, noise: Mapping[str, Tensor]
    ) -> Any:
        dosage, basal = conditions["dosage"][:, None, :1], noise["z"][None]
        self.libraries += cells["library"].ravel().tolist()
        if "values" in cells:
            shape = torch.broadcast_shapes(dosage.shape, basal.shape)
            made_of = (basal, noise["e"], dosage)
            return Exactly(torch.cat([part.expand(shape) for part in made_of], -1))
        share = torch.tensor([[[1.0, 1.0, 2.0]]]) + dosage * torch.tensor([[[2.0, 0.0, 0.0]]])
        return Poisson(cells["library"] * share / share.sum(-1, keepdim=True) + 0 * basal)


TELLING = {
    kind: Variant(
        label="telling",
        needs=frozenset({kind, "observed", "perturbation"}),
        can=frozenset(),
        config=TellingConfig,
        build=Telling,
        reference="these tests",
    )
    for kind in ("counts", "values")
}


def problem_of(kind: str) -> Problem:
    """Controls of 80 counts and two perturbations, in training and among the scored."""
    return Problem(
        counts=csr_matrix(np.tile([20, 20, 40], (12, 1)).astype(float)),
        role=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), 6),
        scored_rows=np.arange(6, 12),
        labels={"perturbation": np.tile(["A", "B", "control"], 4)},
        measured=kind,
    )


def opened(kind: str) -> Replicate:
    return open_replicate(problem_of(kind), TELLING[kind], TellingConfig(), {}, 0, "test")


def effect(fitted: Replicate, kind: str, **settings: float) -> np.ndarray:
    arrays = READOUT.of_variant(fitted, problem_of(kind), READOUT.config(**settings))
    return arrays["effect_as_published"]


def test_arms_share_the_globals_and_nothing_else() -> None:
    """Chance: the difference of two means of 2,500 normal numbers has a standard deviation of
    0.028, and is beyond 0.16 with a probability below 2e-8."""
    found = effect(opened("values"), "values")
    assert found.shape == (2, N_GENES)
    np.testing.assert_allclose(found[:, 2], [1, 0])
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-7)
    assert (found[:, 0] != 0).all()
    assert found[0, 0] != found[1, 0]
    assert (np.abs(found[:, 0]) < 0.16).all()


@pytest.mark.parametrize("library", [10_000.0, 400.0])
def test_every_particle_has_one_depth(library: float) -> None:
    """Chance: log2(1 + y) of a share of at least a sixth of 400 counts has a standard deviation
    below 0.2; the difference of two means of 2,500 is off by 0.04 with a probability below 1e-9.
    The logarithm's curvature moves the expectation by less than 0.02."""
    fitted = opened("counts")
    found = effect(fitted, "counts", library=library)
    assert set(fitted.module.libraries) == {library}
    changed = np.log2(1 + 1e4 * np.array([1 / 2, 1 / 6, 1 / 3]))
    wanted = changed - np.log2(1 + 1e4 * np.array([1 / 4, 1 / 4, 1 / 2]))
    np.testing.assert_allclose(found[0], wanted, atol=0.06)
    np.testing.assert_allclose(found[1], 0, atol=0.06)


def test_as_many_particles_are_drawn_as_asked_for() -> None:
    """The standard deviation of an effect of nothing falls with the root of the particles.

    Chance: a ratio of two variances of 100 independent pairs of effects, in truth 64, is beyond
    [20, 200] with a probability below 1e-7 (its logarithm has a standard deviation below 0.2)."""
    spread = {}
    for n_particles in (2, 128):
        fitted = opened("values")
        drawn = [effect(fitted, "values", n_particles=n_particles)[:, 0] for _ in range(100)]
        spread[n_particles] = np.var(drawn)
    assert 20 < spread[2] / spread[128] < 200
