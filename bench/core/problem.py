"""The inputs and the targets of a task on one split.  Written once, shared by all competitors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import Measured
from bench.core.files import replacing

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, 3
"""Roles of cells; an unused cell is neither fitted nor scored."""


def _no_rows() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


def _no_names() -> NDArray[np.str_]:
    return np.zeros(0, dtype=str)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A task on a dataset, for one split.

    Fitting and encoding may use ``counts``, ``masked``, ``role`` and ``labels`` only.  Only metrics
    read ``targets``, only the oracle reads ``truth``, and only a search reads the rows and targets
    of the selection, when it chooses hyperparameters.
    """

    counts: csr_matrix
    """(cell, gene) visible counts, for fitting and encoding; zero where masked."""
    role: NDArray[np.int8]
    """(cell,) one of :data:`TRAIN`, :data:`VALIDATION`, :data:`TEST`, :data:`UNUSED`."""
    scored_rows: NDArray[np.int64]
    """Rows for readouts and metrics, ascending."""
    masked: csr_matrix | None = None
    """(cell, gene) true for hidden entries."""
    labels: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    exposure: float = 1.0
    """Expected held-out counts for one expected visible count: (1-f)/f after thinning with f."""
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Targets of metrics, by the names on the task's card; (scored, ...) or (gene,)."""
    selection: NDArray[np.int64] = field(default_factory=_no_rows)
    """Rows on which a search scores its trials, ascending, never part of the final scores; empty if
    the task has no such cells."""
    selection_targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """The targets for the rows of ``selection``."""
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """True values of a simulation for all cells, in the exposure of ``counts``; or effects among
    the other half of the real cells.  Only ceilings receive them."""
    measured: Measured = "counts"
    """Kind of the data in ``counts``."""
    gene_names: NDArray[np.str_] = field(default_factory=_no_names)
    """(gene,) names, if the task provides them: a treatment may have the name of a gene."""

    def rows(self, role: int) -> NDArray[np.int64]:
        """Rows of one role, ascending."""
        return np.flatnonzero(self.role == role)

    def fitting_rows(self) -> NDArray[np.int64]:
        """Training and validation cells, for competitors that need no validation."""
        return np.flatnonzero((self.role == TRAIN) | (self.role == VALIDATION))

    def observed(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(row, gene) true for visible entries."""
        if self.masked is None:
            return np.ones((len(rows), self.counts.shape[1]), dtype=bool)
        return ~self.masked[rows].toarray().astype(bool)


def for_selection(problem: Problem) -> Problem:
    """The problem for a search, scored on the selection rows.

    Raises ``ValueError`` if the task has no such rows.
    """
    if not len(problem.selection):
        raise ValueError("this task keeps no cells that hyperparameters could be selected by")
    return replace(problem, scored_rows=problem.selection, targets=problem.selection_targets)


def save(problem: Problem, path: Path) -> None:
    """Write a problem as one ``.npz``; sparse matrices as their three arrays."""
    arrays: dict[str, Any] = {"exposure": problem.exposure, "measured": problem.measured}
    for name in ("counts", "masked"):
        matrix = getattr(problem, name)
        if matrix is not None:
            parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
            arrays |= {f"{name}.{part}": values for part, values in parts.items()}
            arrays[f"{name}.shape"] = matrix.shape
    for name in ("role", "scored_rows", "selection", "gene_names"):
        arrays[name] = getattr(problem, name)
    for name in ("labels", "targets", "selection_targets", "truth"):
        arrays |= {f"{name}.{key}": value for key, value in getattr(problem, name).items()}
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> Problem:
    """Read a problem from :func:`save`."""
    with np.load(path) as file:
        arrays = dict(file)
    held: dict[str, Any] = {"exposure": float(arrays.pop("exposure"))}
    held["measured"] = str(arrays.pop("measured"))
    for name in [part.name for part in fields(Problem) if part.name not in held]:
        mine = {k.partition(".")[2]: v for k, v in arrays.items() if k.partition(".")[0] == name}
        if name in ("counts", "masked"):
            held[name] = _matrix(mine) if mine else None
        else:
            held[name] = mine.get("", mine)
    return Problem(**held)


def _matrix(parts: Mapping[str, NDArray[Any]]) -> csr_matrix:
    shape = tuple(int(n) for n in parts["shape"])
    return csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=shape)
