"""What a fitted baseline can say, and the card a baseline file ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.problem import Problem

Floats = NDArray[np.floating[Any]]


def no_rates(rows: NDArray[np.int64]) -> Floats:
    """The mean of a baseline that only embeds cells.  Raises ``ValueError``."""
    raise ValueError("this baseline gives an embedding and no expected counts: mend its card")


@dataclass(frozen=True, kw_only=True)
class FittedRates:
    """Expected counts of every cell, and how the counts scatter around them; or an embedding.

    A count of cell i and gene j is Poisson(rate), rate = mean_ij * u, u ~ Gamma(shape, rate=shape)
    with shape ``inverse_dispersion``; infinity means that the mean is the rate itself.
    """

    mean: Callable[[NDArray[np.int64]], Floats] = no_rates
    """rows -> (row, gene) expected visible counts, not looking at the entry itself; left out by a
    baseline that only embeds cells."""
    inverse_dispersion: float | Floats = float("inf")
    """``()`` or (gene,)."""
    latent: Floats | None = None
    """(cell, dimension) embedding, where the baseline has one."""
    class_probability: Floats | None = None
    """(cell, known type) probabilities of every cell, held-out ones too, where the baseline
    classifies; types in alphabetical order."""
    effects: Callable[[NDArray[np.str_]], Floats] | None = None
    """perturbations -> (perturbation, gene) their effects, see ``parts.perturbations.effects``."""
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
