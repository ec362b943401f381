"""Counterfactual cells: training controls under each of several perturbations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL
from bench.core.problem import TRAIN, Problem
from bench.core.readout import FittedVariant
from bench.core.variant import ENTRIES, PerturbationModule, Posterior
from bench.parts.perturbations.effects import Floats, expression, scored_perturbations

if TYPE_CHECKING:
    from torch import Tensor

Conditions = NDArray[np.str_]
"""(condition,) perturbations, the control first."""

CELLS_PER_DRAW = 10
"""Cells that share one draw of the globals."""

MOST_DRAWS, LARGEST = 25, 20_000_000
"""Maximum draws of the globals between two checks of the standard error, and array size."""


def conditions_of(problem: Problem) -> Conditions:
    """The control and all scored perturbations."""
    return np.concatenate([[CONTROL], scored_perturbations(problem)])


def training_controls(problem: Problem) -> NDArray[np.int64]:
    """Rows of the training controls.  Raises ValueError if there are none."""
    rows = problem.rows(TRAIN)
    controls = rows[problem.labels["perturbation"][rows] == CONTROL]
    if not len(controls):
        raise ValueError("no training cell is a control: no effect can be told")
    return np.asarray(controls)


def draws_at_a_time(problem: Problem, conditions: Conditions) -> int:
    """Number of draws of the globals that fit into memory, at least two."""
    numbers = len(conditions) * CELLS_PER_DRAW * problem.counts.shape[1]
    return max(2, min(MOST_DRAWS, LARGEST // numbers))


def control_cells(
    fitted: FittedVariant[Any], rows: NDArray[np.int64], library: float | None = None
) -> Mapping[str, Tensor]:
    """The fields of these cells, and ``library`` (cell, 1): their library sizes, or one for all."""
    import torch

    parts = list(fitted.minibatches(rows))
    names = [name for name in parts[0] if name != ENTRIES]
    cells = {name: torch.cat([part[name] for part in parts]) for name in names}
    return {**cells, "library": _library(cells, library)}


def sample_perturbed(
    fitted: FittedVariant[PerturbationModule],
    conditions: Conditions,
    cells: Mapping[str, Tensor],
    n_draws: int,
    draw_block: int = 0,
    posterior: Mapping[str, Posterior] | None = None,
) -> Floats:
    """(draw, condition, cell, gene) counts or values of these controls under each condition.

    With ``posterior``, latents are sampled from it instead of their prior.  Every ``draw_block``
    has new draws of the globals.
    """
    import torch

    from bench.parts.nn.shares import with_dense_mean

    given = fitted.conditions(conditions)
    (n_cells, _), laws_of = cells["library"].shape, posterior or {}

    def parameters(noise: Mapping[str, Tensor]) -> Any:
        found = {name: law.at(noise[name]) for name, law in laws_of.items() if name in noise}
        law = fitted.module.predict_perturbed(cells, given, {**noise, **found})
        law = with_dense_mean(law)
        return type(law)(*torch.broadcast_tensors(*law))

    laws = fitted.over_draws(parameters, n_cells, n_draws, draw_block)
    on_cpu = type(laws)(*(value.cpu() for value in laws))
    return np.asarray(on_cpu.sample(fitted.generator).numpy())


def perturbed_expression(
    fitted: FittedVariant[PerturbationModule],
    problem: Problem,
    rng: np.random.Generator,
    n_draws: int,
    infer: Callable[[Mapping[str, Tensor]], Mapping[str, Posterior]] | None = None,
) -> Iterator[Floats]:
    """(draw, condition, cell, gene) expression of training controls under every condition.

    An infinite iterator over blocks of draws.  ``infer`` returns the posteriors of the latents;
    without it, latents come from their prior.
    """
    conditions, controls = conditions_of(problem), training_controls(problem)
    for block in count():
        cells = control_cells(fitted, rng.choice(controls, CELLS_PER_DRAW))
        posterior = infer(cells) if infer else None
        values = sample_perturbed(fitted, conditions, cells, n_draws, block, posterior)
        yield expression(values, problem.measured)


class Tally:
    """Running sums over draws of (perturbation, gene) differences from the control condition."""

    def __init__(self) -> None:
        self.n = 0
        self.total: Floats = np.zeros(1)
        self.squares: Floats = np.zeros(1)

    def add(self, values: Floats) -> None:
        """Add (draw, condition, cell, gene) expression to the sums."""
        differences = (values[:, 1:] - values[:, :1]).mean(2)
        self.n += len(differences)
        self.total = self.total + differences.sum(0, dtype=float)
        self.squares = self.squares + np.square(differences, dtype=float).sum(0)

    def is_known(self, tolerance: float, most_particles: int) -> bool:
        """Whether the standard error or the number of sampled cells has reached its limit."""
        many = self.n * CELLS_PER_DRAW >= most_particles
        return many or bool(self.error.mean() <= tolerance)

    @property
    def mean(self) -> Floats:
        """(perturbation, gene)."""
        return np.asarray(self.total / self.n)

    @property
    def error(self) -> Floats:
        """(perturbation,) standard error of the mean, averaged over genes."""
        variance = np.maximum(self.squares / self.n - self.mean**2, 0)
        return np.asarray(np.sqrt(variance / max(self.n - 1, 1)).mean(-1))


def _library(cells: Mapping[str, Tensor], library: float | None) -> Tensor:
    """(cell, 1) library sizes; ones for real-valued data."""
    from bench.parts.nn.observed import library_size

    if "counts" not in cells:
        return next(iter(cells.values())).new_ones(len(cells["perturbation"]), 1)
    own = library_size(cells)
    return own if library is None else own.new_full(own.shape, library)
