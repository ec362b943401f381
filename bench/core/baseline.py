"""What a fitted baseline can say, and the card a baseline file ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.problem import Problem

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class FittedRates:
    """Expected counts of every cell, and how the counts scatter around them.

    A count of cell i and gene j is Poisson(rate), rate = mean_ij * u, u ~ Gamma(shape, rate=shape)
    with shape ``inverse_dispersion``; infinity means that the mean is the rate itself.
    """

    mean: Callable[[NDArray[np.int64]], Floats]
    """rows -> (row, gene) expected visible counts, not looking at the entry itself."""
    inverse_dispersion: float | Floats = float("inf")
    """``()`` or (gene,)."""
    latent: Floats | None = None
    """(cell, dimension) embedding, where the baseline has one."""
    knows_test_cells: bool = False
    """True where ``mean`` is meaningful for test cells that were never fitted (the oracle)."""
    n_parameters: int = 0


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A competitor that is not a VAE, or a control.

    The card a file in ``bench/baselines`` ends with, under the name ``BASELINE``.
    """

    label: str
    config: type
    fit: Callable[[Problem, Any, np.random.Generator], FittedRates]
    """(problem, config, the seed's own generator) -> fitted rates."""
    needs: frozenset[str] = frozenset({"counts"})
    gives: frozenset[str]
    """Readouts it can give."""
    deterministic: bool
    """True where the generator is not used: fitted once, its rows repeated for every seed."""
    role: str = "competitor"
    """``competitor``, ``floor`` (must lose) or ``ceiling`` (knows what no model can)."""
    reference: str
