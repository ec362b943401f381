"""Fitted variants as readouts use them, and the card at the end of a readout file."""

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
"""The protocol of ``bench.core.variant`` for the ability that a readout requires."""


class FittedVariant(Protocol[Module]):
    """One trained replicate in evaluation mode, with its data on its device.

    It has ``counts``, ``masked`` and the labels of the problem, and never targets or truth.
    """

    @property
    def module(self) -> Module:
        """The module of the variant with the weights of the replicate."""

    @property
    def generator(self) -> Generator:
        """Generator of the replicate, on the CPU, for draws other than the noise of the module."""

    def minibatches(self, rows: NDArray[np.int64]) -> Iterator[Mapping[str, Tensor]]:
        """The declared fields of these cells, in order, one minibatch at a time."""

    def over_draws(
        self,
        function: Callable[[Mapping[str, Tensor]], Any],
        n_cells: int,
        n_draws: int,
        draw_block: int = 0,
    ) -> Any:
        """``function(noise)`` for ``n_draws`` draws, stacked along a first axis.

        The draws come from the generator of the replicate; the same call on a newly opened
        replicate gives the same draws.  Shared noise is the same in every call with one
        ``draw_block``: a readout that needs more draws of the same cells uses the next block.
        """

    def conditions(self, perturbations: NDArray[np.str_]) -> Mapping[str, Tensor]:
        """``perturbation`` and ``dosage`` of cells with these perturbations."""


def _no_label(config: Any) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Readout:
    """Every file in ``bench/readouts`` ends with such a card, named ``READOUT``.

    It applies to every competitor with the ability ``of`` if the card has a function for this kind
    of competitor.  The first axis of the arrays follows ``rows``.  Neither function may read
    ``problem.targets``: only metrics read the targets.
    """

    label: str
    config: type
    of: str
    """The required ability, a name in ``can`` on the cards of competitors."""
    arrays: frozenset[str]
    """Names of the arrays it returns."""
    of_variant: Callable[[FittedVariant[Any], Problem, Any], Arrays] | None = None
    """None if it does not apply to variants."""
    of_baseline: Callable[[FittedBaseline, Problem, Any], Arrays] | None = None
    """None if it does not apply to baselines."""
    rows: Literal["cells", "draws", "comparisons", "perturbations", "treatments"] = "cells"
    """The first axis: the cells of ``problem.scored_rows``, draws of the latents, comparisons
    between groups of cells, the perturbations of the scored cells except the control, or the
    treatments of all cells."""
    labels: Callable[[Any], frozenset[str]] = _no_label
    """config -> labels that the dataset must have."""
    compared_with: frozenset[str] = frozenset()
    """Targets that the task must have: no other target can be compared with its arrays."""
    reference: str
