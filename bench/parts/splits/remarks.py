"""What is noticed about a problem that changes what its scores mean: one sentence each.

Nothing is changed here; the report and ``provenance.json`` show the sentences.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import LABELS, UNKNOWN, CountData
from bench.core.errors import listed
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.parts.splits.confounding import confounded, small_levels
from bench.parts.splits.duplicates import copy_groups, n_copied


def remarks(data: CountData, problem: Problem) -> list[str]:
    """Sentences about copies of cells, missing and confounded labels, small types, and batches."""
    scored = {
        name: data.labels[name][problem.scored_rows] for name in LABELS if name in data.labels
    }
    return [
        *_copies(data, problem),
        *_unlabelled(problem),
        *confounded(scored),
        *small_levels(scored),
        *_batches(problem),
    ]


def _copies(data: CountData, problem: Problem) -> Iterator[str]:
    groups = copy_groups(data)
    if not (n := n_copied(groups)):
        return
    fitted = np.isin(problem.role, (TRAIN, VALIDATION))
    n_split = int(np.isin(groups[problem.role == TEST], groups[fitted]).sum())
    has = f"{n_split:,} test cells have" if n_split else "no test cell has"
    copies = f"{n:,} of {len(groups):,} cells are copies of another cell (equal counts)"
    yield f"{copies}; {has} a copy that is fitted"


def _unlabelled(problem: Problem) -> Iterator[str]:
    n_scored = len(problem.scored_rows)
    for name in LABELS:
        values = problem.labels.get(name, np.zeros(0, dtype=str))[_rows(problem, name)]
        if n := int((values == UNKNOWN).sum()):
            yield (
                f"{n:,} of {n_scored:,} scored cells have no {name}; metrics that need it leave "
                "them out"
            )


def _rows(problem: Problem, name: str) -> NDArray[np.int64]:
    return problem.scored_rows if name in problem.labels else np.zeros(0, dtype=np.int64)


def _batches(problem: Problem) -> Iterator[str]:
    batch = problem.labels.get("batch", np.zeros(0, dtype=str))
    known = np.unique(batch[batch != UNKNOWN])
    train = problem.rows(TRAIN)
    without = np.setdiff1d(known, batch[train] if len(batch) else batch)
    if len(without):
        yield (
            f"{len(without):,} of {len(known):,} batches have no training cells, so that no model "
            f"learns them: {listed(without.tolist())}"
        )
    alike = _alike(problem, batch, train) if len(known) and problem.measured == "counts" else known
    if len(alike) and problem.measured == "counts":
        yield (
            f"in {len(alike):,} of {len(known):,} batches all training cells have the same library "
            f"size; a prior on it has a smallest variance there: {listed(alike.tolist())}"
        )


def _alike(problem: Problem, batch: NDArray[np.str_], train: NDArray[np.int64]) -> NDArray[np.str_]:
    """Batches of several training cells, all with the same number of visible counts."""
    library = np.asarray(problem.counts[train].sum(axis=1)).ravel()
    names, code = np.unique(batch[train], return_inverse=True)
    lowest, highest = np.full(len(names), np.inf), np.zeros(len(names))
    np.minimum.at(lowest, code, library)
    np.maximum.at(highest, code, library)
    return names[(np.bincount(code, minlength=len(names)) > 1) & (lowest == highest)]
