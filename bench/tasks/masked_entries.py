"""Some entries are hidden from fitting and encoding: predict their counts.

Each entry is masked with the given probability, independently of its value (``among: all``) or
among the non-zero entries (``among: nonzero``).  Masked entries are missing data, not zeros: every
competitor must exclude them from its likelihood and from its encoder input.  Every cell with counts
keeps at least one visible count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from scipy.sparse import csr_matrix, vstack

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.core.task import Controls, Task
from bench.parts.splits.cell_splits import rates_in_exposure, roles, scored_rows
from bench.parts.splits.duplicates import copy_groups, first_of

BLOCK = 1024
"""Cells per block of dense uniform numbers."""


@dataclass(frozen=True, kw_only=True)
class MaskedEntriesConfig:
    """Masked entries and shares of cells."""

    fraction: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Probability that an entry is masked; not used if a simulation has its own mask."""
    among: Literal["all", "nonzero"] = "all"
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of validation cells; their masked entries are hidden like all others."""
    max_scored_cells: Annotated[int, Ge(1)] = 5000
    """Maximum number of scored cells, sampled at random."""


def make_problem(
    data: CountData, config: MaskedEntriesConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Visible counts, the mask, and the hidden counts of the scored cells."""
    n_cells = data.counts.shape[0]
    for_roles, for_scored, for_mask = rng.spawn(3)
    groups = copy_groups(data)
    # Copies of a cell miss the same entries: else one would show what another hides.
    mask = _mask(data, config, split, for_mask)[first_of(groups)]
    missing = _still_readable(data.counts, mask)
    visible = (data.counts - data.counts.multiply(missing)).tocsr()
    visible.eliminate_zeros()
    scored = scored_rows(n_cells, config.max_scored_cells, for_scored)
    masked, counts = missing[scored].toarray(), data.counts[scored].toarray()
    if not masked.any() or masked.all():
        raise mistake("fraction", config.fraction, f"masks {masked.sum():,} of {masked.size:,}")
    return Problem(
        counts=visible,
        role=roles(n_cells, {"validation": config.validation}, for_roles, groups=groups),
        scored_rows=scored,
        masked=missing,
        labels=dict(data.labels),
        targets={
            "masked": masked,
            "masked_counts": counts[masked],
            "observed_counts": counts[~masked],
        },
        truth=rates_in_exposure(data),
    )


def _mask(
    data: CountData, config: MaskedEntriesConfig, split: int, rng: np.random.Generator
) -> csr_matrix:
    """The mask of the simulation on the first split, a random mask otherwise."""
    if split == 1 and "observed" in data.truth:
        return csr_matrix(~np.asarray(data.truth["observed"], dtype=bool))
    if config.among == "nonzero":
        hidden = csr_matrix(data.counts != 0)
        hidden.data = rng.random(hidden.nnz) < config.fraction
        hidden.eliminate_zeros()
        return hidden
    return vstack(list(_blocks(data.counts.shape, config.fraction, rng)), format="csr")


def _blocks(
    shape: tuple[int, int], fraction: float, rng: np.random.Generator
) -> Iterator[csr_matrix]:
    for start in range(0, shape[0], BLOCK):
        n_rows = min(BLOCK, shape[0] - start)
        yield csr_matrix(rng.random((n_rows, shape[1])) < fraction)


def _still_readable(counts: csr_matrix, missing: csr_matrix) -> csr_matrix:
    """Unmask the first count of every cell that would otherwise have no visible count."""
    hidden = counts.multiply(missing).tocsr()
    hidden.eliminate_zeros()
    n_counts, n_hidden = counts.getnnz(axis=1), hidden.getnnz(axis=1)
    rows = np.flatnonzero((n_hidden > 0) & (n_hidden == n_counts))
    if len(rows) == 0:
        return missing
    hidden.sort_indices()
    first = (np.ones(len(rows), dtype=bool), (rows, hidden.indices[hidden.indptr[rows]]))
    return (missing > csr_matrix(first, counts.shape)).tocsr()


TASK = Task(
    label="masked entries",
    config=MaskedEntriesConfig,
    make_problem=make_problem,
    must_read=frozenset({"observed"}),
    readouts=frozenset({"rates", "fitted_means", "latent"}),
    targets=frozenset({"masked", "masked_counts", "observed_counts"}),
    ranked_by="imputation_loss",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="imputation as in the examples of scmodes (A. Sarkar, 2019), scored where masked",
)
