"""Leaves out perturbations of few cells."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import listed
from bench.data._cleaning import kept_cells


def frequent(perturbation: NDArray[np.str_], min_cells: int) -> tuple[NDArray[np.bool_], list[str]]:
    """(cell,) whether a cell is a control or has a perturbation of enough cells, and a sentence.

    Cells without a label ("") are not kept.  The counts are not looked at.
    """
    names, code = np.unique(perturbation, return_inverse=True)
    sizes = np.bincount(code, minlength=len(names))
    rare = (sizes < min_cells) & (names != CONTROL) & (names != "")
    kept = ~(rare | (names == ""))[code] if len(names) else np.zeros(0, dtype=bool)
    return kept, [_removed(names[rare], int(sizes[rare].sum()), min_cells)] if rare.any() else []


def _removed(names: NDArray[np.str_], n_cells: int, min_cells: int) -> str:
    sentence = f"{len(names):,} perturbations with fewer than {min_cells} cells were removed"
    return f"{sentence} ({n_cells:,} cells): {listed(names.tolist())}"


def without_rare(data: CountData, min_cells: int) -> CountData:
    """The cells of controls and of perturbations with at least so many cells that have counts."""
    if "perturbation" not in data.labels or min_cells == 0:
        return data
    labels = data.labels["perturbation"]
    counted = np.asarray(data.counts.getnnz(axis=1) > 0)
    names, code = np.unique(labels, return_inverse=True)
    sizes = np.bincount(code[counted], minlength=len(names))
    rare = (sizes < min_cells) & (names != CONTROL)
    if not rare.any():
        return data
    lost = rare[code]
    note = _removed(names[rare], int(lost.sum()), min_cells)
    return kept_cells(replace(data, repairs=(*data.repairs, note)), ~lost)
