"""What a baseline may fit: the observed counts of the training and validation cells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.problem import Problem

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class FittingCounts:
    """Sparse counts and the sparse pattern of what is missing among them."""

    rows: NDArray[np.int64]
    """(fitted cell,) its row in the problem."""
    counts: csr_matrix
    """(fitted cell, gene) float; zeros are not stored, and missing entries are zero."""
    missing: csr_matrix
    """(fitted cell, gene) one where nobody may look; nothing is stored elsewhere."""
    n_cells: int
    """Cells of the problem, fitted or not."""

    def n_observed(self) -> int:
        """Number of entries that may be looked at."""
        return int(np.prod(self.counts.shape)) - self.missing.nnz

    def over_genes(self, of_gene: Floats) -> Floats:
        """(fitted cell, ...) sums over each cell's observed genes of (gene, ...) values >= 0."""
        return np.maximum(of_gene.sum(0) - self.missing @ of_gene, 0)

    def over_cells(self, of_cell: Floats) -> Floats:
        """(gene, ...) sums over each gene's observed cells of (fitted cell, ...) values >= 0."""
        return np.maximum(of_cell.sum(0) - self.missing.T @ of_cell, 0)

    def by_row(self, of_fitted: Floats) -> Floats:
        """(cell, ...) the values of the fitted cells at their rows, NaN for the other cells."""
        everyone = np.full((self.n_cells, *of_fitted.shape[1:]), np.nan)
        everyone[self.rows] = of_fitted
        return everyone


def fitting_counts(problem: Problem) -> FittingCounts:
    """Take from a problem what may be fitted, whatever stands in the entries that may not."""
    rows = problem.fitting_rows()
    counts = problem.visible[rows].tocoo()
    missing = csr_matrix(counts.shape) if problem.missing is None else problem.missing[rows]
    missing = csr_matrix(missing, dtype=float)
    missing.eliminate_zeros()
    missing.data[:] = 1
    keep = np.asarray(missing[counts.row, counts.col]).ravel() == 0
    values = counts.data[keep].astype(float), (counts.row[keep], counts.col[keep])
    seen = csr_matrix(values, shape=counts.shape)
    seen.eliminate_zeros()
    return FittingCounts(rows=rows, counts=seen, missing=missing, n_cells=len(problem.role))


def ratio(above: Floats, below: Floats) -> Floats:
    """Elementwise quotient of values >= 0, zero where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
