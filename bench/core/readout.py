"""What a fitted variant offers a readout, and the card a readout file ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.core.baseline import FittedRates
from bench.core.problem import Problem

if TYPE_CHECKING:
    from torch import Generator, Tensor

Arrays = dict[str, NDArray[Any]]


class FittedVariant(Protocol):
    """One trained replicate in evaluation mode, with its data on its device.

    It sees ``visible``, ``missing`` and the labels of the problem; never answers or truth.
    """

    module: Any
    generator: Generator
    """The replicate's own, on the CPU: for draws that are no noise of the module's."""

    def minibatches(self, rows: NDArray[np.int64]) -> Iterator[Mapping[str, Tensor]]:
        """The declared fields of these cells, in order, a minibatch at a time."""

    def over_draws(
        self,
        function: Callable[[Mapping[str, Tensor]], Any],
        n_cells: int,
        n_draws: int,
        turn: int = 0,
    ) -> Any:
        """``function(noise)`` for ``n_draws`` draws, stacked along a first axis.

        The draws come from the replicate's own generator; the same call on a freshly opened
        replicate gives the same draws.  Shared noise is the same in every call of one ``turn``:
        who asks for more draws of the same cells takes the next.
        """

    def arms(self, perturbations: NDArray[np.str_]) -> Mapping[str, Tensor]:
        """``perturbation`` and ``dosage`` of cells with these perturbations."""


def _no_label(config: Any) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Readout:
    """The card a file in ``bench/readouts`` ends with, under the name ``READOUT``.

    The first axis of the arrays follows ``rows``.  Neither function may look at
    ``problem.answers``: what is scored is never read before it is scored.
    """

    label: str
    config: type
    gives: frozenset[str]
    """Names of the arrays it returns."""
    of_variant: Callable[[FittedVariant, Problem, Any], Arrays]
    of_baseline: Callable[[FittedRates, Problem, Any], Arrays]
    rows: Literal["cells", "draws", "comparisons", "perturbations", "treatments"] = "cells"
    """What the first axis counts: the cells of ``problem.scored``, draws of the latents,
    comparisons between groups of cells, the perturbations of the scored cells but the control, or
    the treatments of all cells."""
    labels: Callable[[Any], frozenset[str]] = _no_label
    """config -> labels a dataset must have for it."""
    reference: str
