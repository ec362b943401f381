"""Fitted baselines, and the card at the end of a baseline file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.problem import TEST, Problem

Floats = NDArray[np.floating[Any]]
Answer = Callable[[NDArray[Any]], Floats]
"""(rows of the problem, or perturbations) -> an array with one entry of the first axis for each."""


@dataclass(frozen=True, kw_only=True)
class FittedBaseline:
    """A function for each ability of a baseline.

        counts       rows -> (row, gene) expected visible counts, independent of the entry itself
        latent       rows -> (row, dimension) embedding
        classes      rows -> (row, known type) probabilities, also for held-out cells; types in
                     alphabetical order
        perturbed    perturbations -> (perturbation, gene) effects, see
                     ``bench.parts.perturbations.effects``

    A file may define further abilities.  ``bound`` is the exact likelihood, which follows from
    ``counts``: a count of cell i and gene j is Poisson(rate), rate = mean_ij * u, u ~ Gamma(shape,
    rate=shape) with shape ``inverse_dispersion``; infinity means that the mean is the rate itself.
    """

    functions: Mapping[str, Answer]
    inverse_dispersion: float | Floats = float("inf")
    """``()`` or (gene,)."""
    knows_test_cells: bool = False
    """True if counts are also valid for test cells without a fit (the oracle)."""
    n_parameters: int = 0

    def answer(self, ability: str) -> Answer:
        """The function of an ability.  Raises ``ValueError`` if the baseline does not have it."""
        if ability not in self.functions:
            has = ", ".join(sorted(self.functions)) or "nothing"
            raise ValueError(
                f"asked for {ability!r}, this baseline answers {has}: correct its card"
            )
        return self.functions[ability]


def by_cell(values: Floats) -> Answer:
    """A function that returns rows of (cell, ...) values for all cells of the problem."""
    return lambda rows: values[rows]


def by_fitted_cell(values: Floats, problem: Problem) -> Answer:
    """As :func:`by_cell`, for fitted cells only.  It raises ``ValueError`` for a test cell."""

    def answer(rows: NDArray[Any]) -> Floats:
        if (problem.role[rows] == TEST).any():
            raise ValueError("this baseline embeds the cells it is fitted to, and no test cells")
        return values[rows]

    return answer


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A competitor that is not a VAE, or a control.

    Every file in ``bench/baselines`` ends with such a card, named ``BASELINE``.
    """

    label: str
    config: type
    fit: Callable[[Problem, Any, np.random.Generator], FittedBaseline]
    """(problem, config, generator of the seed) -> the fitted baseline."""
    needs: frozenset[str] = frozenset({"counts"})
    can: frozenset[str]
    """Its abilities, which determine its readouts, see :class:`FittedBaseline`."""
    deterministic: bool
    """True if it does not use the generator: it is fitted once, its rows are repeated for all
    seeds."""
    role: str = "competitor"
    """``competitor``, ``floor`` (lower reference) or ``ceiling`` (uses data that no model has)."""
    embeds_by_gene: bool = False
    """Whether it predicts a treatment without training cells from the gene of the same name."""
    reference: str
