"""The scores of scib-metrics for one latent: its ten defaults, group means and the total.

    bio   = mean(isolated labels, NMI, ARI, silhouette of labels, cLISI)
    batch = mean(BRAS, iLISI, kBET, graph connectivity, PCR comparison)
    total = 0.6 bio + 0.4 batch

as in its ``Benchmarker``, but with exact neighbours.  The first neighbour of a cell is the cell
itself; scores use 15, 50 or 90 neighbours.  All are in [0, 1] and higher is better.
Source: Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable
from bench.parts.scoring.neighbours import Neighbours, nearest

SMALLEST_TYPE = 10
"""Minimum number of cells of a type in kBET."""

SLACK = 1e-6
"""Rounding that is allowed beyond the ends of a score's range."""

BIO = ("isolated_labels", "nmi_kmeans", "ari_kmeans", "silhouette_label", "clisi")
BATCH = ("bras", "ilisi", "kbet", "graph_connectivity", "pcr")


class ScibScores:
    """The scores, each computed on first access and then cached.

    ``latent`` and ``uncorrected`` are (cell, dimension), the latter principal components before
    integration; ``batch`` and ``cell_type`` are (cell,).  A score that is undefined for the labels
    raises :class:`NotApplicable`; the group means then omit it.
    """

    def __init__(
        self,
        *,
        latent: NDArray[Any],
        neighbours: Neighbours,
        batch: NDArray[Any],
        cell_type: NDArray[Any],
        uncorrected: NDArray[Any],
    ) -> None:
        self._latent = np.ascontiguousarray(latent, dtype=np.float32)
        self._uncorrected = np.ascontiguousarray(uncorrected, dtype=np.float32)
        self._neighbours, self._batch, self._cell_type = neighbours, batch, cell_type

    @cached_property
    def isolated_labels(self) -> float:
        """Silhouette, scaled to [0, 1], of the types found in the fewest batches."""
        self._need_labels("type", self._cell_type)
        return float(scib().isolated_labels(self._latent, self._cell_type, self._batch))

    @cached_property
    def nmi_kmeans(self) -> float:
        """Normalised mutual information of k-means clusters and types."""
        return self._kmeans["nmi"]

    @cached_property
    def ari_kmeans(self) -> float:
        """Adjusted Rand index of k-means clusters and types."""
        return self._kmeans["ari"]

    @cached_property
    def silhouette_label(self) -> float:
        """Mean silhouette of types, scaled to [0, 1]."""
        self._need_labels("type", self._cell_type)
        return float(scib().silhouette_label(self._latent, self._cell_type))

    @cached_property
    def clisi(self) -> float:
        """How few types share a neighbourhood: 1 - (LISI - 1) / (types - 1), median over cells."""
        self._need_labels("type", self._cell_type)
        return float(scib().clisi_knn(self._nearest(90), self._cell_type))

    @cached_property
    def bras(self) -> float:
        """Batch-removal silhouette: 1 - |silhouette of batches| within types, mean over types."""
        self._need_mixed_types(2)
        return float(scib().bras(self._latent, self._cell_type, self._batch))

    @cached_property
    def ilisi(self) -> float:
        """How many batches share a neighbourhood: (LISI - 1) / (batches - 1), median over cells."""
        self._need_labels("batch", self._batch)
        return float(scib().ilisi_knn(self._nearest(90), self._batch))

    @cached_property
    def kbet(self) -> float:
        """Share of neighbourhoods with the batch shares of their type, by a chi-squared test."""
        self._need_mixed_types(SMALLEST_TYPE)
        with _searching_exactly():
            mixed = scib().kbet_per_label(self._nearest(50), self._batch, self._cell_type)
        return float(mixed)

    @cached_property
    def graph_connectivity(self) -> float:
        """Share of the cells of a type in its largest connected component, mean over types."""
        return float(scib().graph_connectivity(self._nearest(15), self._cell_type))

    @cached_property
    def pcr(self) -> float:
        """Share of the variance that batches explained before integration which is gone."""
        self._need_labels("batch", self._batch)
        for name, values in (("latent", self._latent), ("uncorrected", self._uncorrected)):
            if not np.ptp(values, axis=0).any():
                raise NotApplicable(f"the {name} cells are all at one place: nothing varies")
        with warnings.catch_warnings():
            # It warns if batches explain more variance than before; the score is then 0.
            warnings.filterwarnings("ignore", "PCR comparison score is negative", UserWarning)
            return float(
                scib().pcr_comparison(
                    self._uncorrected, self._latent, self._batch, categorical=True
                )
            )

    @cached_property
    def bio(self) -> float:
        """Mean of the scores of conserved biology."""
        return self._mean(BIO)

    @cached_property
    def batch(self) -> float:
        """Mean of the scores of batch mixing."""
        return self._mean(BATCH)

    @property
    def total(self) -> float:
        """0.6 bio + 0.4 batch."""
        return 0.6 * self.bio + 0.4 * self.batch

    @cached_property
    def _kmeans(self) -> dict[str, float]:
        self._need_labels("type", self._cell_type)
        # Its k-means subtracts the mean from the array it is given.
        found = scib().nmi_ari_cluster_labels_kmeans(self._latent.copy(), self._cell_type)
        return {name: float(value) for name, value in found.items()}

    def _mean(self, names: tuple[str, ...]) -> float:
        values = []
        for name in names:
            try:
                values.append(_sound(name, getattr(self, name)))
            except NotApplicable:
                continue
        if not values:
            raise NotApplicable("none of its scores applies")
        return float(np.mean(values))

    def _nearest(self, n: int) -> Any:
        """The first ``n`` neighbours in the format of scib-metrics, or all if fewer."""
        held = _with_themselves(self._neighbours)
        return held.subset_neighbors(min(n, held.n_neighbors))

    def _need_labels(self, kind: str, labels: NDArray[Any]) -> None:
        """Raise where all cells have one label, or each its own: then none is near its like."""
        n_labels = len(np.unique(labels))
        if n_labels < 2:
            raise NotApplicable(f"all cells are of one {kind}")
        if n_labels == len(labels):
            raise NotApplicable(f"every cell has a {kind} of its own")

    def _need_mixed_types(self, n_cells: int) -> None:
        """Raise unless a type of at least ``n_cells`` cells occurs in more than one batch."""
        for kind in np.unique(self._cell_type):
            here = self._batch[self._cell_type == kind]
            if len(here) >= n_cells and 1 < len(np.unique(here)) < len(here):
                return
        raise NotApplicable("no cell type is found in more than one batch")


def _sound(name: str, value: float) -> float:
    """A score that may be averaged.  Raises ValueError with one that is beyond its bounds."""
    lowest = -0.5 if name == "ari_kmeans" else 0.0
    if not lowest - SLACK <= value <= 1 + SLACK:
        raise ValueError(f"{name} is {value:.6g}, outside its own bounds of {lowest:g} to 1")
    return value


def _with_themselves(neighbours: Neighbours) -> Any:
    """Neighbours in the format of scib-metrics: the first of each cell is the cell itself."""
    from scib_metrics.nearest_neighbors import NeighborsResults

    cells = np.arange(len(neighbours.index))[:, None]
    index = np.hstack([cells, neighbours.index])
    distance = np.hstack([np.zeros(cells.shape), neighbours.distance])
    return NeighborsResults(indices=index, distances=distance)


@contextmanager
def _searching_exactly() -> Iterator[None]:
    """Replace the approximate neighbour search inside kBET of scib-metrics by an exact search.

    scib-metrics has no argument for this.  Its approximate search gives the same neighbours (a test
    compares) but compiles in every process, which takes half a minute.
    """
    from scib_metrics import nearest_neighbors

    approximate = nearest_neighbors.pynndescent
    nearest_neighbors.pynndescent = lambda points, n_neighbors: _with_themselves(
        nearest(points, n_neighbors - 1)
    )
    try:
        yield
    finally:
        nearest_neighbors.pynndescent = approximate


def scib() -> ModuleType:
    """The package scib-metrics on the CPU, where it takes seconds; GPUs are for training."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    with warnings.catch_warnings():
        # Its dependency umap warns about an uninstalled part that this package does not use.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        import scib_metrics

    return scib_metrics
