"""Problems with corrupted counts, which are visible to all competitors.

The corrupted entries are not missing: all competitors encode and fit the corrupted counts.  Metrics
compare the expectation of an entry, which is independent of the entry itself, with the original.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.parts.splits.cell_splits import rates_in_exposure, roles, scored_rows
from bench.parts.splits.duplicates import copy_groups


def nonzero_counts(data: CountData) -> csr_matrix:
    """(cell, gene) counts without stored zeros and without duplicate entries."""
    counts = data.counts.copy()
    counts.sum_duplicates()
    counts.eliminate_zeros()
    return counts


def corrupted_problem(
    data: CountData,
    original: csr_matrix,
    values: NDArray[np.integer],
    validation: float,
    max_scored_cells: int,
    rng: np.random.Generator,
) -> Problem:
    """All cells train or validate; the targets are the changed entries of the scored cells.

    ``values`` replaces ``original.data``.  Raises if no scored entry has changed.
    """
    for_roles, for_scored = rng.spawn(2)
    scored = scored_rows(original.shape[0], max_scored_cells, for_scored)
    visible = csr_matrix((values, original.indices.copy(), original.indptr.copy()), original.shape)
    visible.eliminate_zeros()
    before = original[scored].toarray()
    changed = before != visible[scored].toarray()
    if not changed.any():
        raise mistake("fraction", None, "no count of the scored cells was changed", "ask for more")
    return Problem(
        counts=visible,
        role=roles(
            original.shape[0], {"validation": validation}, for_roles, groups=copy_groups(data)
        ),
        scored_rows=scored,
        labels=dict(data.labels),
        targets={"changed": changed, "changed_counts": before[changed]},
        truth=rates_in_exposure(data),
    )
