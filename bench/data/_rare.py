"""Leaves out perturbations of few cells."""

from dataclasses import replace

import numpy as np

from bench.core.dataset import CONTROL, CountData, Levels
from bench.core.errors import listed
from bench.data._cleaning import kept_cells


def without_few(levels: Levels, min_cells: int) -> Levels:
    """The levels without perturbations of fewer cells; other labels as they are."""
    left = {
        name: n
        for name, n in levels.get("perturbation", {}).items()
        if n >= min_cells or name == CONTROL
    }
    return {**levels, "perturbation": left} if "perturbation" in levels else levels


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
    sentence = f"{int(rare.sum()):,} perturbations with fewer than {min_cells} cells were removed"
    note = f"{sentence} ({int(lost.sum()):,} cells): {listed(names[rare].tolist())}"
    return kept_cells(replace(data, repairs=(*data.repairs, note)), ~lost)
