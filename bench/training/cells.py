"""A problem's cells on the device: what is visible of them, field by field, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.core.dataset import LABELS
from bench.core.problem import TRAIN, Problem
from bench.core.variant import DataFacts
from bench.training.sparse import SparseRows, to_device


@dataclass(frozen=True, kw_only=True)
class DeviceCells:
    """The declared fields of all cells of a problem on one device."""

    needs: frozenset[str]
    counts: SparseRows
    missing: SparseRows | None
    codes: dict[str, Tensor]
    """(cell,) integer codes of the labels, in the alphabetical order of their names."""

    def minibatch(self, rows: Tensor) -> dict[str, Tensor]:
        """The declared fields of these cells; ``rows`` may have any shape."""
        cells = {name: codes[rows] for name, codes in self.codes.items()}
        if "counts" in self.needs:
            cells["counts"] = self.counts.dense(rows)
        if "observed" in self.needs:
            cells["observed"] = self._observed(rows)
        return cells

    def _observed(self, rows: Tensor) -> Tensor:
        """1 where an entry may be looked at; one number per cell where nothing is missing."""
        if self.missing is None:
            return self.counts.value.new_ones(*rows.shape, 1)
        return 1 - self.missing.dense(rows)


def on_device(problem: Problem, needs: frozenset[str], device: torch.device) -> DeviceCells:
    """Move what a variant declares, and no more, to the device."""
    codes = {
        name: torch.from_numpy(np.unique(problem.labels[name], return_inverse=True)[1]).to(device)
        for name in LABELS
        if name in needs
    }
    missing = None if problem.missing is None else to_device(problem.missing, device)
    counts = to_device(problem.visible, device)
    return DeviceCells(needs=needs, counts=counts, missing=missing, codes=codes)


def facts_of(problem: Problem) -> DataFacts:
    """What a variant may know of the training cells when it is built."""
    rows = problem.rows(TRAIN)
    n_genes = problem.visible.shape[1]
    n_missing = np.zeros(n_genes) if problem.missing is None else _column_sums(problem, rows)
    counts = problem.visible[rows]
    observed = len(rows) - n_missing
    gene_mean = np.asarray(counts.sum(0)).ravel() / np.maximum(observed, 1)
    levels = {name: len(np.unique(values)) for name, values in problem.labels.items()}
    return DataFacts(
        n_genes=n_genes,
        n_train=len(rows),
        n_batches=levels.get("batch", 0),
        n_cell_types=levels.get("cell_type", 0),
        n_perturbations=levels.get("perturbation", 0),
        gene_mean=gene_mean.astype(np.float32),
        library_mean=float(gene_mean.sum()),
    )


def _column_sums(problem: Problem, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    assert problem.missing is not None
    return np.asarray(problem.missing[rows].astype(np.float64).sum(0)).ravel()


def in_chunks(rows: Tensor, size: int) -> Iterator[Tensor]:
    """Consecutive pieces of at most ``size`` rows."""
    yield from rows.split(size, dim=-1)
