"""Exact nearest neighbours of every cell, and the entropy of their labels.

    H_i = - sum_b p_ib log p_ib        p_ib: share of label b among the neighbours of cell i

Natural logarithm.  A cell is never its own neighbour, even if other cells have the same position.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from bench.core.metric import NotApplicable

Array = NDArray[Any]

N_NEIGHBOURS = 90
"""Maximum number of neighbours per cell."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest other cells of every cell, nearest first."""

    index: NDArray[np.int64]
    """(cell, k)."""
    distance: NDArray[np.float64]
    """(cell, k), Euclidean."""


def nearest(points: Array, n_neighbours: int = N_NEIGHBOURS) -> Neighbours:
    """The ``n_neighbours`` nearest others of (cell, dimension) points, or all others if fewer.

    Raises :class:`NotApplicable` where that means nothing: of one cell, or where all cells are at
    one place, so that their order in the file would choose.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(points) < 2:
        raise NotApplicable("a single cell has no neighbours")
    if len(points) > 2 and (points == points[0]).all():
        raise NotApplicable("all cells are at one place: none is nearer than another")
    searched = NearestNeighbors(n_neighbors=min(n_neighbours, len(points) - 1))
    distance, index = searched.fit(points.astype(np.float64)).kneighbors()
    return Neighbours(index, distance)


def coded(labels: Array) -> tuple[NDArray[np.int64], int]:
    """(cell,) integer codes of the labels, and the number of labels."""
    kinds, codes = np.unique(labels, return_inverse=True)
    return codes, len(kinds)


def label_shares(index: Array, labels: Array) -> NDArray[np.float64]:
    """(cell, label) shares of each label among the neighbours (cell, k)."""
    codes, n_labels = coded(labels)
    among = codes[index]
    counted = [np.count_nonzero(among == label, axis=1) for label in range(n_labels)]
    return np.stack(counted, axis=1) / index.shape[1]


def neighbour_entropy(index: Array, labels: Array) -> NDArray[np.float64]:
    """(cell,) H_i of ``labels`` among the neighbours (cell, k), nats."""
    return entr(label_shares(index, labels)).sum(1)


def frequency_entropy(labels: Array) -> float:
    """Entropy of the label frequencies, nats: H_i for neighbours sampled from all cells.

    Raises :class:`NotApplicable` for a single label, for which mixing is undefined.
    """
    codes, n_labels = coded(labels)
    if n_labels < 2:
        raise NotApplicable("all cells have the same label")
    return float(entr(np.bincount(codes) / len(codes)).sum())
