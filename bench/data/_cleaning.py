"""Common cleaning of all datasets: refuses values that are not counts and records all repairs.

Every loader ends with :func:`clean_counts`, which is idempotent.  Real-valued data
(``measured="values"``) must be finite; no cell is removed from them.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from bench.core.dataset import UNKNOWN, CountData
from bench.core.errors import Finding, UserError

ROUNDING = 1e-3
"""Largest distance to an integer that counts as a rounding error of stored floats."""

LARGEST = int(np.iinfo(np.int32).max)
LARGEST_VALUE = float(np.finfo(np.float32).max)
LARGEST_LOG = 20.0
"""Upper limit of log1p of a count; fractions below it suggest a log transform."""

PER_ENTRY = ("rate", "mean", "second_draw", "observed")
"""True values of shape (cell, gene)."""

PER_CELL = ("true_latent",)
"""Other true values with a row per cell."""


def refuse_invalid(
    data: CountData, place: str, advice: str = "", findings: Sequence[Finding] = ()
) -> None:
    """Raise one :class:`UserError` with all reasons why ``data`` are not valid counts or values.

    ``findings`` come from the loader; ``advice`` names other places with counts.
    """
    faults = not_counts if data.measured == "counts" else not_values
    wrong = [Finding(place, None, fault, advice) for fault in faults(data.counts)]
    if wrong or findings:
        raise UserError(f"{place} cannot be used:", [*wrong, *findings])


def clean_counts(data: CountData, place: str) -> CountData:
    """The same data as non-negative integers (int32) with unique names and complete labels.

    Real-valued data become float32.  ``data`` may have any numeric matrix and missing labels;
    :func:`refuse_invalid` raises for defects without a repair.  ``repairs`` has one sentence each.
    """
    refuse_invalid(data, place)
    counted = data.measured == "counts"
    counts, rounded = _whole(data.counts) if counted else (_values(data.counts), [])
    cell_names, cell_repairs = _unique(data.cell_names, "cell")
    gene_names, gene_repairs = _unique(data.gene_names, "gene")
    labels, label_repairs = _labelled(data.labels)
    whole = replace(
        data,
        counts=counts,
        cell_names=cell_names,
        gene_names=gene_names,
        labels=labels,
        repairs=(*data.repairs, *rounded, *cell_repairs, *gene_repairs, *label_repairs),
    )
    return _without_empty_cells(whole) if counted else whole


def not_counts(matrix: Any) -> list[str]:
    """Reasons why this matrix cannot be counts; empty if it can."""
    numbers, faults = _finite(matrix)
    if len(numbers) == 0 or not numbers.any():
        return faults or ["has no counts: every entry is zero"]
    return faults + _faults_of_finite(numbers)


def not_values(matrix: Any) -> list[str]:
    """Reasons why this matrix cannot be values of a simulation; empty if it can."""
    numbers, faults = _finite(matrix)
    size = float(np.abs(numbers).max(initial=0.0))
    if size > LARGEST_VALUE:
        faults.append(f"the largest entry, {size:g}, is beyond {LARGEST_VALUE:g}")
    return faults


def _finite(matrix: Any) -> tuple[NDArray[Any], list[str]]:
    """The finite entries, and the faults of a matrix with other entries."""
    nothing = np.zeros(0)
    if 0 in matrix.shape:
        return nothing, [f"has no entries: {matrix.shape[0]} cells and {matrix.shape[1]} genes"]
    values = np.asarray(matrix.data if issparse(matrix) else matrix).ravel()
    if values.dtype.kind not in "biuf":
        return nothing, [f"has type {values.dtype}; expected numbers"]
    finite = values[np.isfinite(values)]
    lost = len(values) - len(finite)
    return finite, [f"{lost:,} entries are NaN or infinite"] if lost else []


def _faults_of_finite(values: NDArray[Any]) -> list[str]:
    faults = []
    if n_negative := int((values < 0).sum()):
        faults.append(
            f"{n_negative:,} entries are negative, down to {values.min():g}: scaled, not counts"
        )
    if n_fractional := int((np.abs(values - np.rint(values)) > ROUNDING).sum()):
        logged = values.max() < LARGEST_LOG and n_negative == 0
        kind = "looks log-transformed" if logged else "not counts"
        faults.append(
            f"{n_fractional:,} entries are fractions (largest value {values.max():g}): {kind}"
        )
    if values.max() > LARGEST:
        faults.append(f"the largest entry, {values.max():g}, is beyond {LARGEST:,}")
    return faults


def _whole(matrix: Any) -> tuple[csr_matrix, list[str]]:
    counts = csr_matrix(matrix, copy=True)
    counts.sum_duplicates()
    whole = np.rint(counts.data)
    distance = float(np.abs(counts.data - whole).max(initial=0.0))
    counts = csr_matrix((whole.astype(np.int32), counts.indices, counts.indptr), counts.shape)
    counts.eliminate_zeros()
    repair = f"values at a distance of up to {distance:.1g} from integers were rounded"
    return counts, [repair] if distance > 0 else []


def _values(matrix: Any) -> csr_matrix:
    values = csr_matrix(matrix, dtype=np.float32, copy=True)
    values.sum_duplicates()
    values.eliminate_zeros()
    return values


def _unique(names: NDArray[Any], of: str) -> tuple[NDArray[np.str_], list[str]]:
    texts = np.asarray(names).astype(str)
    n_repeated = len(texts) - len(np.unique(texts))
    if n_repeated == 0:
        return texts, []
    import pandas as pd
    from anndata.utils import make_index_unique

    with warnings.catch_warnings():
        # It warns about names that already end in a number; the repair is recorded.
        warnings.simplefilter("ignore")
        unique = make_index_unique(pd.Index(texts)).to_numpy().astype(str)
    return unique, [f"{n_repeated:,} duplicate {of} names received a number to make them unique"]


def _labelled(
    labels: Mapping[str, NDArray[Any]],
) -> tuple[dict[str, NDArray[np.str_]], list[str]]:
    import pandas as pd

    whole, repairs = {}, []
    for name, values in labels.items():
        gaps = np.asarray(pd.isna(values)) | (np.asarray(values) == "")
        whole[name] = np.where(gaps, UNKNOWN, np.asarray(values).astype(str))
        if gaps.any():
            repairs.append(
                f"{int(gaps.sum()):,} cells without {name} received the label {UNKNOWN!r}"
            )
    return whole, repairs


def _without_empty_cells(data: CountData) -> CountData:
    full = data.counts.getnnz(axis=1) > 0
    n_empty, n_cells = int((~full).sum()), len(full)
    n_silent = int((data.counts.getnnz(axis=0) == 0).sum())
    notes = []
    if n_empty:
        notes.append(f"{n_empty:,} of {n_cells:,} cells had no counts and were removed")
    if n_silent:
        notes.append(f"{n_silent:,} of {data.counts.shape[1]:,} genes have no counts and were kept")
    repairs = (*data.repairs, *(note for note in notes if note not in data.repairs))
    return replace(kept_cells(data, full) if n_empty else data, repairs=repairs)


def kept_cells(data: CountData, keep: NDArray[np.bool_]) -> CountData:
    """The cells with true ``keep`` (cell,), with their labels and true values."""
    if keep.all():
        return data
    by_cell = {*PER_ENTRY, *PER_CELL}
    return replace(
        data,
        counts=data.counts[keep],
        cell_names=data.cell_names[keep],
        labels={name: values[keep] for name, values in data.labels.items()},
        truth={name: v[keep] if name in by_cell else v for name, v in data.truth.items()},
    )
