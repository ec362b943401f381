"""Selects genes by detection and by variability of their counts.

The selection uses all cells, before any task splits them: it is part of the dataset.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.data._labels import MISSING
from bench.data._reader import Elements


def detected(counts: csr_matrix, min_cells: int) -> NDArray[np.bool_]:
    """(gene,) true if at least ``min_cells`` cells have a count."""
    return np.asarray(counts.getnnz(axis=0) >= min_cells)


def most_variable(counts: csr_matrix, n_genes: int) -> NDArray[np.bool_]:
    """(gene,) true for the ``n_genes`` genes with the largest Poisson deviance.

    The null model is a constant share of every cell's total s_i: x_ij ~ Poisson(s_i π_j), with
    deviance D_j = 2 Σ_i x_ij log(x_ij / (s_i π_j)) (Townes et al. 2019,
    doi:10.1186/s13059-019-1861-6).  In a tie the earlier gene is selected.
    """
    totals, shares = _sums(counts, 1), _sums(counts, 0) / counts.sum()
    entries = counts.tocoo(copy=True)
    entries.eliminate_zeros()
    expected = totals[entries.row] * shares[entries.col]
    terms = 2 * entries.data * np.log(entries.data / expected)
    deviance = np.bincount(entries.col, weights=terms, minlength=counts.shape[1])
    chosen = np.zeros(counts.shape[1], dtype=bool)
    chosen[np.argsort(-deviance, kind="stable")[:n_genes]] = True
    return chosen


def kept_genes(data: CountData, keep: NDArray[np.bool_], why: str) -> CountData:
    """The genes with true ``keep`` (gene,), and a record of the reason.  Only for real data."""
    if not keep.any():
        raise mistake("genes", None, f"none of {len(keep):,} remains", f"selection: {why}")
    note = f"{int(keep.sum()):,} of {len(keep):,} genes were kept: {why}"
    return replace(
        data,
        counts=data.counts[:, keep],
        gene_names=data.gene_names[keep],
        repairs=(*data.repairs, note),
    )


def top_genes(data: CountData, n_genes: int) -> CountData:
    """The ``n_genes`` most variable genes; 0, or a larger number than all genes, keeps all."""
    if n_genes == 0 or n_genes >= data.counts.shape[1]:
        return data
    return kept_genes(data, most_variable(data.counts, n_genes), "largest Poisson deviance")


def named_genes(cells: Elements, column: str) -> tuple[NDArray[np.str_], list[str]]:
    """The names of the genes, from a column of ``var`` if it is there, and what was changed.

    A gene without a symbol keeps its name of ``var``.
    """
    names = np.array(cells.gene_names, dtype=str)
    if column not in cells.var:
        return names, []
    codes, values = cells.var[column]
    symbols = np.array([*(value.strip() for value in values), ""], dtype=str)[codes]
    missing = np.isin(symbols, list(MISSING))
    note = f"{int(missing.sum()):,} genes without {column} kept their name in var"
    return np.where(missing, names, symbols), [note] if missing.any() else []


def _sums(counts: csr_matrix, axis: int) -> NDArray[np.float64]:
    return np.asarray(counts.sum(axis=axis), dtype=np.float64).ravel()
