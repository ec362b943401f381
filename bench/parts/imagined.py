"""Counterfactual cells: training controls, had they been given each of several perturbations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL
from bench.core.problem import TRAIN, Problem
from bench.core.readout import FittedVariant
from bench.parts.effects import Floats, scored_perturbations

if TYPE_CHECKING:
    from torch import Tensor

Arms = NDArray[np.str_]
"""(arm,) perturbations, the control first."""

CELLS_PER_DRAW = 10
"""Cells that share one draw of the globals."""

MOST_DRAWS, LARGEST = 25, 20_000_000
"""Draws of the globals between two looks at the standard error, and numbers made for them."""


def arms_of(problem: Problem) -> Arms:
    """The control and all perturbations whose effects are asked for."""
    return np.concatenate([[CONTROL], scored_perturbations(problem)])


def training_controls(problem: Problem) -> NDArray[np.int64]:
    """Rows of the training cells that were not perturbed.  Raises ValueError without any."""
    rows = problem.rows(TRAIN)
    controls = rows[problem.labels["perturbation"][rows] == CONTROL]
    if not len(controls):
        raise ValueError("no training cell is a control: no effect can be told")
    return np.asarray(controls)


def draws_at_a_time(problem: Problem, arms: Arms) -> int:
    """Draws of the globals that memory has room for, two at least."""
    numbers = len(arms) * CELLS_PER_DRAW * problem.visible.shape[1]
    return max(2, min(MOST_DRAWS, LARGEST // numbers))


def imagined(
    fitted: FittedVariant,
    arms: Arms,
    rows: NDArray[np.int64],
    n_draws: int,
    library: float | None = None,
    turn: int = 0,
) -> Floats:
    """(draw, arm, cell, gene) counts or values of these controls under each arm.

    ``library`` is the same for all cells; without it each has its own.  Globals are drawn anew in
    every ``turn``.
    """
    import torch

    parts, given = list(fitted.minibatches(rows)), fitted.arms(arms)
    cells = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    cells["library"] = _library(cells, library)

    def parameters(noise: Mapping[str, Tensor]) -> Any:
        law = fitted.module.imagine(cells, given, noise)
        return type(law)(*torch.broadcast_tensors(*law))

    laws = fitted.over_draws(parameters, len(rows), n_draws, turn)
    on_cpu = type(laws)(*(value.cpu() for value in laws))
    return np.asarray(on_cpu.sample(fitted.generator).numpy())


def _library(cells: Mapping[str, Tensor], library: float | None) -> Tensor:
    """(cell, 1) library sizes; ones where there are values and no counts."""
    from bench.parts.visible import library_size

    if "counts" not in cells:
        return next(iter(cells.values())).new_ones(len(cells["perturbation"]), 1)
    own = library_size(cells)
    return own if library is None else own.new_full(own.shape, library)
