"""Distances between predicted and observed cells of a perturbation, both (cell, component).

    E-distance   2 mean |x_i - y_j|^2 - mean_(i != j) |x_i - x_j|^2 - mean_(i != j) |y_i - y_j|^2
               = 2 |mean x - mean y|^2 - 2 tr S_x / n - 2 tr S_y / m
    MMD^2        mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean k(x_i, y_j)
                 k(a, b) = sum over scales s of exp(-|a - b|^2 / (s h))

S are covariances with n - 1, so the second form of the E-distance needs no pairs of cells; h is the
median squared distance between observed cells of all perturbations.  Both estimates are unbiased
and may be negative: for equal distributions they vary around zero.
Source: Peidli et al. 2024, doi:10.1038/s41592-023-02144-y; Gretton et al. 2012, JMLR 13:723.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable

Floats = NDArray[np.floating[Any]]

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths of the kernel, as multiples of the median."""

MOST_CELLS = 1000
"""Maximum number of observed cells of a perturbation in pairwise comparisons, evenly spaced."""


def median_distance(
    predicted: Floats,
    observed: Floats,
    perturbation: NDArray[np.int64],
    distance: Callable[[Floats, Floats], float],
) -> float:
    """Median over perturbations of the distance between its predicted and its observed cells.

    ``predicted`` is (perturbation, cell, component); ``perturbation`` (observed cell,) is the
    index of its perturbation.  Perturbations with one observed cell have no variance and are
    omitted; raises :class:`NotApplicable` if none remains.
    """
    several = [
        (cells, observed[perturbation == code])
        for code, cells in enumerate(predicted)
        if (perturbation == code).sum() > 1
    ]
    if not several:
        raise NotApplicable("no perturbation has two observed cells")
    return float(np.median([distance(*pair) for pair in several]))


def e_distance(x: Floats, y: Floats) -> float:
    """E-distance of two groups of at least two cells, from squared Euclidean distances."""
    apart = ((x.mean(0, dtype=float) - y.mean(0, dtype=float)) ** 2).sum()
    noise = sum(cells.var(0, ddof=1, dtype=float).sum() / len(cells) for cells in (x, y))
    return float(2 * (apart - noise))


def squared_mmd(x: Floats, y: Floats, median: float) -> float:
    """MMD^2 of two groups of at least two cells; ``median`` is the h above."""
    y = spaced(y)
    within = _between(x, x, median, own=True) + _between(y, y, median, own=True)
    return within - 2 * _between(x, y, median, own=False)


def median_squared_distance(cells: Floats) -> float:
    """The h above.  Raises :class:`NotApplicable` if half of all pairs have distance zero."""
    from scipy.spatial.distance import pdist

    median = float(np.median(pdist(spaced(cells), "sqeuclidean"))) if len(cells) > 1 else 0.0
    if not median:
        raise NotApplicable("the observed cells are all at one place")
    return median


def spaced(cells: Floats) -> Floats:
    """At most :data:`MOST_CELLS` of these, evenly spaced."""
    n_cells = min(len(cells), MOST_CELLS)
    return cells[np.arange(n_cells) * len(cells) // n_cells]


def _between(x: Floats, y: Floats, median: float, *, own: bool) -> float:
    """Mean kernel between two groups; within one group, of pairs of different cells."""
    from scipy.spatial.distance import cdist

    squared = cdist(x, y, "sqeuclidean") / median
    total = sum(np.exp(-squared / scale).sum() for scale in SCALES)
    if own:
        return float((total - len(SCALES) * len(x)) / (len(x) * (len(x) - 1)))
    return float(total / squared.size)
