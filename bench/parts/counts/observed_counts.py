"""The visible counts for baselines: sparse, with the sparse pattern of hidden entries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.problem import TEST, Problem

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class ObservedCounts:
    """The observed counts of some cells of a problem."""

    rows: NDArray[np.int64]
    """(cell,) the row of each of these cells in the problem."""
    counts: csr_matrix
    """(cell, gene) float; zeros are not stored, and missing entries are zero."""
    masked: csr_matrix
    """(cell, gene) one for hidden entries, sparse."""
    n_rows: int
    """Number of cells of the whole problem."""

    def n_observed(self) -> int:
        """Number of visible entries."""
        return int(np.prod(self.counts.shape)) - self.masked.nnz

    def over_genes(self, of_gene: Floats) -> Floats:
        """(cell, ...) sums over each cell's observed genes of (gene, ...) values >= 0."""
        return np.maximum(of_gene.sum(0) - self.masked @ of_gene, 0)

    def over_cells(self, of_cell: Floats) -> Floats:
        """(gene, ...) sums over each gene's observed cells of (cell, ...) values >= 0."""
        return np.maximum(of_cell.sum(0) - self.masked.T @ of_cell, 0)

    def gene_means(self) -> Floats:
        """(gene,) means of the observed counts; zero for a gene without visible entries."""
        n_seen = self.over_cells(np.ones(len(self.rows)))
        return ratio(np.asarray(self.counts.sum(0)).ravel(), n_seen)

    def by_row(self, of_cell: Floats) -> Floats:
        """(row of the problem, ...) the values of these cells at their rows, NaN at others."""
        everyone = np.full((self.n_rows, *of_cell.shape[1:]), np.nan)
        everyone[self.rows] = of_cell
        return everyone


def fitting_counts(problem: Problem) -> ObservedCounts:
    """The counts for fitting: training and validation cells."""
    return _of_rows(problem, problem.fitting_rows())


def held_out_counts(problem: Problem) -> ObservedCounts:
    """The counts of the test cells, for embedding after the fit; possibly no cells."""
    return _of_rows(problem, problem.rows(TEST))


def _of_rows(problem: Problem, rows: NDArray[np.int64]) -> ObservedCounts:
    """The observed counts, with zero for hidden entries."""
    counts = problem.counts[rows].tocoo()
    missing = csr_matrix(counts.shape) if problem.masked is None else problem.masked[rows]
    row, column = np.nonzero(missing)
    n_genes = counts.shape[1]
    keep = ~np.isin(_code(counts.row, counts.col, n_genes), _code(row, column, n_genes))
    values = counts.data[keep].astype(float), (counts.row[keep], counts.col[keep])
    seen = csr_matrix(values, shape=counts.shape)
    seen.eliminate_zeros()
    missing = csr_matrix((np.ones(len(row)), (row, column)), shape=counts.shape)
    return ObservedCounts(rows=rows, counts=seen, masked=missing, n_rows=len(problem.role))


def _code(row: NDArray[Any], column: NDArray[Any], n_genes: int) -> NDArray[np.int64]:
    """An integer for every entry of a matrix."""
    return row.astype(np.int64) * n_genes + column


def ratio(above: Floats, below: Floats) -> Floats:
    """Elementwise quotient of values >= 0, zero for a zero denominator."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
