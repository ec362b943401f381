"""What a fitted variant offers a readout, and the card a readout file ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem

if TYPE_CHECKING:
    from torch import Generator, Tensor

Arrays = dict[str, NDArray[Any]]
Module = TypeVar("Module", covariant=True)
"""The protocol of ``bench.core.variant`` that goes with the ability a readout asks of."""


class FittedVariant(Protocol[Module]):
    """One trained replicate in evaluation mode, with its data on its device.

    It sees ``counts``, ``masked`` and the labels of the problem; never targets or truth.
    """

    @property
    def module(self) -> Module:
        """The variant's module with the replicate's weights."""

    @property
    def generator(self) -> Generator:
        """The replicate's own, on the CPU: for draws that are no noise of the module's."""

    def minibatches(self, rows: NDArray[np.int64]) -> Iterator[Mapping[str, Tensor]]:
        """The declared fields of these cells, in order, a minibatch at a time."""

    def over_draws(
        self,
        function: Callable[[Mapping[str, Tensor]], Any],
        n_cells: int,
        n_draws: int,
        draw_block: int = 0,
    ) -> Any:
        """``function(noise)`` for ``n_draws`` draws, stacked along a first axis.

        The draws come from the replicate's own generator; the same call on a freshly opened
        replicate gives the same draws.  Shared noise is the same in every call of one
        ``draw_block``: a readout that needs more draws of the same cells takes the next block.
        """

    def conditions(self, perturbations: NDArray[np.str_]) -> Mapping[str, Tensor]:
        """``perturbation`` and ``dosage`` of cells with these perturbations."""


def _no_label(config: Any) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Readout:
    """The card a file in ``bench/readouts`` ends with, under the name ``READOUT``.

    It is asked of every competitor that has the ability ``of``, where the card has a function for
    its kind.  The first axis of the arrays follows ``rows``.  Neither function may look at
    ``problem.targets``: what is scored is never read before it is scored.
    """

    label: str
    config: type
    of: str
    """The ability it asks of, as competitors' cards name them under ``can``."""
    arrays: frozenset[str]
    """Names of the arrays it returns."""
    of_variant: Callable[[FittedVariant[Any], Problem, Any], Arrays] | None = None
    """None where it is not asked of variants."""
    of_baseline: Callable[[FittedBaseline, Problem, Any], Arrays] | None = None
    """None where it is not asked of baselines."""
    rows: Literal["cells", "draws", "comparisons", "perturbations", "treatments"] = "cells"
    """What the first axis counts: the cells of ``problem.scored_rows``, draws of the latents,
    comparisons between groups of cells, the perturbations of the scored cells but the control, or
    the treatments of all cells."""
    labels: Callable[[Any], frozenset[str]] = _no_label
    """config -> labels a dataset must have for it."""
    compared_with: frozenset[str] = frozenset()
    """Answers of a task without which it is not asked there: nothing else compares with it."""
    reference: str
