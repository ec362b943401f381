"""Copies of cells: rows of counts that are equal, which no split may tear apart.

A copy of a test cell among the training cells makes the test cell known.  Rows of few genes may be
equal by chance and are no copies; neither are equal rows under two perturbations.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CountData

FEWEST_GENES = 10
"""Genes with counts that equal rows need to count as copies."""


def copy_groups(data: CountData) -> NDArray[np.int64]:
    """(cell,) row of the first cell with the same counts, perturbation included; else its own."""
    counts = data.counts.sorted_indices()
    label = data.labels.get("perturbation", np.zeros(counts.shape[0], dtype="U1"))
    groups, first = np.arange(counts.shape[0], dtype=np.int64), dict[tuple[str, bytes], int]()
    for row in np.flatnonzero(counts.getnnz(axis=1) >= FEWEST_GENES).tolist():
        part = slice(counts.indptr[row], counts.indptr[row + 1])
        digest = blake2b(counts.indices[part].tobytes(), digest_size=16)
        digest.update(counts.data[part].tobytes())
        groups[row] = first.setdefault((str(label[row]), digest.digest()), row)
    return groups


def first_of(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """(cell,) position of the first cell of each cell's group; its own where it is alone."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    return first[group]


def n_copied(groups: NDArray[np.int64]) -> int:
    """How many cells are a copy of an earlier one."""
    return len(groups) - len(np.unique(groups))
