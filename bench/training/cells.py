"""The cells of a problem on the device: only the visible fields that a variant declares."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from bench.core.dataset import KNOWN_TYPE, LABELS
from bench.core.problem import TRAIN, Problem
from bench.core.variant import ENTRIES, DataFacts, Variant
from bench.parts.counts.labelled import known_codes
from bench.parts.nn.fused_likelihood import CountEntries
from bench.parts.perturbations.treatments import dosages
from bench.training.sparse import SparseRows, to_device

SMALLEST_VARIANCE = 1e-4
"""Of log library sizes: 1 % between cells.  A batch whose training cells all have the same library
size would be a prior of no width, and its KL infinite."""


@dataclass(frozen=True, kw_only=True)
class DeviceCells:
    """The declared fields of all cells of a problem on one device."""

    needs: frozenset[str]
    counts: SparseRows
    masked: SparseRows | None
    dosage: SparseRows | None
    codes: dict[str, Tensor]
    """(cell,) integer codes of the labels, in the alphabetical order of their names; -1 for
    an unknown type."""

    def minibatch(self, rows: Tensor) -> dict[str, Any]:
        """The declared fields of these cells; ``rows`` may have any shape.

        On the CPU the likelihood reads the non-zero counts from ``entries``, if ``rows`` has one
        axis: under ``vmap`` over replicates there is no dataset that all share.
        """
        cells: dict[str, Any] = {name: codes[rows] for name, codes in self.codes.items()}
        for name in self.needs & {"counts", "values"}:
            cells[name] = self.counts.dense(rows)
        if self.dosage is not None:
            cells["dosage"] = self.dosage.dense(rows)
        if "observed" in self.needs:
            cells["observed"] = self._observed(rows)
        if {"counts", "observed"} <= self.needs and rows.ndim == 1 and rows.device.type == "cpu":
            cells[ENTRIES] = CountEntries(*self.counts[:3], rows, cells["counts"])
        return cells

    def without_types(self) -> "DeviceCells":
        """The same cells with no type known."""
        if KNOWN_TYPE not in self.codes:
            return self
        unknown = torch.full_like(self.codes[KNOWN_TYPE], -1)
        return replace(self, codes={**self.codes, KNOWN_TYPE: unknown})

    def _observed(self, rows: Tensor) -> Tensor:
        """1 for observed entries, else 0; one number per cell if no entry is missing."""
        if self.masked is None:
            return self.counts.value.new_ones(*rows.shape, 1)
        return 1 - self.masked.dense(rows)


def on_device(problem: Problem, variant: Variant, device: torch.device) -> DeviceCells:
    """Move only the fields that a variant declares to the device."""
    needs = variant.needs | (variant.uses & problem.labels.keys())
    codes = {
        name: torch.from_numpy(np.unique(problem.labels[name], return_inverse=True)[1]).to(device)
        for name in LABELS
        if name in needs
    }
    if KNOWN_TYPE in needs:
        codes[KNOWN_TYPE] = torch.from_numpy(known_codes(problem.labels[KNOWN_TYPE])).to(device)
    missing = None if problem.masked is None else to_device(problem.masked, device)
    treated = "perturbation" in needs
    counts = to_device(problem.counts, device)
    dosage = to_device(dosages(problem.labels["perturbation"])[1], device) if treated else None
    return DeviceCells(needs=needs, counts=counts, masked=missing, dosage=dosage, codes=codes)


def facts_of(problem: Problem) -> DataFacts:
    """Statistics of the training cells that a variant receives when it is built."""
    rows = problem.rows(TRAIN)
    counts = problem.counts[rows].astype(np.float64)
    n_observed = len(rows) - _missing_per_gene(problem, rows)
    levels = {name: len(np.unique(values[values != ""])) for name, values in problem.labels.items()}
    gene_mean, gene_sd = moments = _moments(counts, n_observed)
    counted = problem.measured == "counts"
    return DataFacts(
        n_genes=counts.shape[1],
        n_train=len(rows),
        n_batches=levels.get("batch", 0),
        n_cell_types=levels.get("cell_type", 0),
        n_known_types=levels.get(KNOWN_TYPE, 0),
        gene_mean=gene_mean,
        gene_sd=gene_sd,
        gene_max=counts.max(0).toarray().ravel().astype(np.float32),
        log_moments=_moments(counts.log1p(), n_observed) if counted else moments,
        log_library=_log_library(problem) if counted else np.zeros((1, 2), dtype=np.float32),
        **_perturbed(problem, rows),
    )


def _perturbed(problem: Problem, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Names of perturbations and treatments, with the number of training cells (``rows``)."""
    if "perturbation" not in problem.labels:
        return {}
    label = problem.labels["perturbation"]
    names, code = np.unique(label, return_inverse=True)
    treatments, dosage = dosages(label)
    return {
        "perturbations": tuple(names.tolist()),
        "n_perturbed": np.bincount(code[rows], minlength=len(names)),
        "treatments": treatments,
        "n_treated": dosage[rows].getnnz(axis=0).astype(np.int64),
    }


def _log_library(problem: Problem) -> NDArray[np.float32]:
    """(batch, 2) mean and variance of log libraries of training cells; see :class:`DataFacts`."""
    share = (
        1.0 if problem.masked is None else 1 - _row_sums(problem.masked) / problem.masked.shape[1]
    )
    library = _row_sums(problem.counts) / share
    train = (problem.role == TRAIN) & (library > 0)
    batch = problem.labels.get("batch", np.zeros(len(library), dtype=str))
    rows = [train & (batch == name) for name in np.unique(batch)]
    logs = [np.log(library[row] if row.sum() > 1 else library[train]) for row in rows]
    moments = [[log.mean(), max(log.var(), SMALLEST_VARIANCE)] for log in logs]
    return np.array(moments, dtype=np.float32)


def _row_sums(matrix: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(matrix.astype(np.float64).sum(1)).ravel()


def _missing_per_gene(problem: Problem, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    if problem.masked is None:
        return np.zeros(problem.counts.shape[1])
    return np.asarray(problem.masked[rows].astype(np.float64).sum(0)).ravel()


def _moments(
    values: csr_matrix, n_observed: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(gene,) mean and standard deviation over observed entries; missing entries are zero."""
    n = np.maximum(n_observed, 1)
    mean = np.asarray(values.sum(0)).ravel() / n
    square = np.asarray(values.multiply(values).sum(0)).ravel() / n
    variance = np.maximum(square - mean**2, 0)
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)
