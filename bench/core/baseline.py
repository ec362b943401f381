"""What a fitted baseline answers, and the card a baseline file ends with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.problem import TEST, Problem

Floats = NDArray[np.floating[Any]]
Answer = Callable[[NDArray[Any]], Floats]
"""Rows of the problem, or perturbations -> an array whose first axis follows them."""


@dataclass(frozen=True, kw_only=True)
class FittedBaseline:
    """A function for each ability that a baseline answers by itself.

        counts       rows -> (row, gene) expected visible counts, not looking at the entry itself
        latent       rows -> (row, dimension) embedding
        classes      rows -> (row, known type) probabilities, of held-out cells too; types in
                     alphabetical order
        perturbed    perturbations -> (perturbation, gene) effects, see
                     ``bench.parts.perturbations.effects``

    A further ability is a further name.  ``bound`` is the exact likelihood, which follows from
    ``counts``: a count of cell i and gene j is Poisson(rate), rate = mean_ij * u, u ~ Gamma(shape,
    rate=shape) with shape ``inverse_dispersion``; infinity means that the mean is the rate itself.
    """

    functions: Mapping[str, Answer]
    inverse_dispersion: float | Floats = float("inf")
    """``()`` or (gene,)."""
    knows_test_cells: bool = False
    """True where counts are meaningful for test cells that were never fitted (the oracle)."""
    n_parameters: int = 0

    def answer(self, ability: str) -> Answer:
        """The function of an ability.  Raises ``ValueError`` where there is none."""
        if ability not in self.functions:
            has = ", ".join(sorted(self.functions)) or "nothing"
            raise ValueError(
                f"asked for {ability!r}, this baseline answers {has}: correct its card"
            )
        return self.functions[ability]


def by_cell(values: Floats) -> Answer:
    """The answer of (cell, ...) values that are known of every cell of the problem."""
    return lambda rows: values[rows]


def by_fitted_cell(values: Floats, problem: Problem) -> Answer:
    """The same of cells that were all fitted.  It raises ``ValueError`` for a test cell."""

    def answer(rows: NDArray[Any]) -> Floats:
        if (problem.role[rows] == TEST).any():
            raise ValueError("this baseline embeds the cells it is fitted to, and no test cells")
        return values[rows]

    return answer


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A competitor that is not a VAE, or a control.

    The card a file in ``bench/baselines`` ends with, under the name ``BASELINE``.
    """

    label: str
    config: type
    fit: Callable[[Problem, Any, np.random.Generator], FittedBaseline]
    """(problem, config, the seed's own generator) -> the fitted baseline."""
    needs: frozenset[str] = frozenset({"counts"})
    can: frozenset[str]
    """Its abilities: what readouts may ask of it, see :class:`FittedBaseline`."""
    deterministic: bool
    """True where the generator is not used: fitted once, its rows repeated for every seed."""
    role: str = "competitor"
    """``competitor``, ``floor`` (must lose) or ``ceiling`` (knows what no model can)."""
    reference: str
