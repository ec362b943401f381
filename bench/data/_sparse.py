"""Matrices from the parts that a file stores, checked before compiled code uses them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix, vstack

from bench.core.errors import mistake
from bench.data._hdf5_datasets import COPY

FEW = 0.01
"""If at most this share of the rows (and at most :data:`FEW_ROWS`) is out of order, those rows were
damaged: a program sorts the entries of all rows or of none."""

FEW_ROWS = 3


def checked_csr(
    parts: Mapping[str, NDArray[Any]], layout: str, shape: Sequence[int], place: str
) -> csr_matrix:
    """The matrix of ``indptr``, ``indices`` and ``data``, as CSR.

    ``layout`` is csr or csc, ``shape`` (cell, gene).  Raises UserError if a pointer or an index is
    outside of the matrix.
    """
    indptr, indices, data = (parts[name] for name in ("indptr", "indices", "data"))
    n_minor = shape[1] if layout == "csr" else shape[0]
    if fault := _pointer_fault(indptr, len(data)):
        raise mistake(f"{place}/indptr", None, fault, COPY)
    if fault := _index_fault(indptr, indices, n_minor):
        raise mistake(f"{place}/indices", None, fault, COPY)
    made = csr_matrix if layout == "csr" else csc_matrix
    held = (data, indices if indices.dtype.kind == "i" else _signed(indices), _signed(indptr))
    return csr_matrix(made(held, shape=tuple(shape)))


class DenseRows:
    """Collects the rows of a dense matrix as a sparse one, so that it is never in memory whole."""

    def __init__(self, n_genes: int, kind: np.dtype[Any]) -> None:
        self.n_genes, self.kind = n_genes, kind
        self.rows: list[csr_matrix] = []

    def add(self, block: NDArray[Any]) -> None:
        """The next rows, flat."""
        self.rows.append(csr_matrix(block.reshape(-1, self.n_genes)))

    def whole(self) -> csr_matrix:
        """All rows."""
        if not self.rows:
            return csr_matrix((0, self.n_genes), dtype=self.kind)
        return csr_matrix(vstack(self.rows, format="csr"))


def _pointer_fault(indptr: NDArray[Any], n_entries: int) -> str:
    if len(indptr) == 0 or indptr[0] != 0:
        return "does not begin with 0"
    if indptr[-1] != n_entries:
        return f"ends with {indptr[-1]:,}; expected {n_entries:,}, the number of entries"
    n_wrong = int((indptr[1:] < indptr[:-1]).sum())
    return f"decreases at {n_wrong:,} of {len(indptr) - 1:,} rows" if n_wrong else ""


def _index_fault(indptr: NDArray[Any], indices: NDArray[Any], n_minor: int) -> str:
    outside = (indices < 0) | (indices >= n_minor)
    if outside.any():
        return f"has {int(outside.sum()):,} entries outside of 0 to {n_minor - 1:,}"
    n_rows, n_wrong = len(indptr) - 1, _rows_out_of_order(_signed(indptr), indices)
    if 0 < n_wrong <= min(FEW_ROWS, max(1, FEW * n_rows)) and n_rows > 2 * n_wrong:
        rows = f"{n_wrong:,} of {n_rows:,} rows"
        return f"is out of order in {rows}, and in order in all others"
    return ""


def _rows_out_of_order(indptr: NDArray[np.int64], indices: NDArray[Any]) -> int:
    """The number of rows in which an index is not larger than the one before."""
    back = np.flatnonzero(indices[1:] <= indices[:-1]) + 1
    row = np.searchsorted(indptr, back, side="right") - 1
    return len(np.unique(row[indptr[row] != back]))


def _signed(numbers: NDArray[Any]) -> NDArray[np.int64]:
    return numbers.astype(np.int64)
