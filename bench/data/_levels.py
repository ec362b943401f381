"""The levels of a column of labels in one line."""

import re

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import listed

RARE = 10
"""Levels with fewer cells are named as rare."""


def levels_line(name: str, column: str, labels: NDArray[np.str_]) -> str:
    """``batch (donor): 8 levels: a (2,738), b (12); rare: b; 4 cells without a label``."""
    names, n_cells = np.unique(labels[labels != ""], return_counts=True)
    order = np.argsort(-n_cells, kind="stable")
    sizes = [f"{names[i]} ({n_cells[i]:,})" for i in order]
    levels = f"{len(names):,} level{'' if len(names) == 1 else 's'}"
    parts = [f"{name} ({column}): {levels}: {listed(sizes)}" if sizes else f"{name}: no level"]
    rare = [str(names[i]) for i in order if n_cells[i] < RARE]
    if rare:
        parts.append(f"fewer than {RARE} cells: {listed(rare)}")
    if n_missing := int((labels == "").sum()):
        parts.append(f"{n_missing:,} cells without a label")
    if len(names) == 1 and name != "perturbation":
        parts.append("one level only: nothing to mix or to tell apart")
    return "; ".join(parts)


def alike(name: str, labels: NDArray[np.str_]) -> list[str]:
    """A sentence per group of labels that differ only in case, blanks or separators."""
    groups: dict[str, list[str]] = {}
    for label in np.unique(labels[labels != ""]).tolist():
        groups.setdefault(re.sub(r"[\s_.-]+", " ", label.lower()).strip(), []).append(label)
    return [
        f"{listed(group)} are different labels of {name}: they differ only in case or separators"
        for group in groups.values()
        if len(group) > 1
    ]
