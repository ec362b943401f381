"""The cells in each step of an epoch, and the weight of each cell in the bound.

Without a labelled share, every replicate uses all training cells once per epoch, in its own order,
with equal weights.  With a share s, a minibatch of B cells has round(s B) labelled cells; an epoch
uses the unlabelled cells once and the labelled cells repeatedly.  The bound remains that of the
data:

    mean over cells of ELBO_i  =  sum over strata  (N_stratum / N) mean over its cells in the step

Source: stratified sampling; scvi-tools also combines labelled and unlabelled cells in a minibatch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import TRAIN, Problem
from bench.training.config import FEWEST_CELLS
from bench.training.randomness import shuffled


class Minibatch(NamedTuple):
    """The cells of one step."""

    rows: Tensor
    """(replicate, cell)."""
    weight: Tensor | None
    """(cell,) weights in the mean over the minibatch, with sum 1; None: equal weights."""


@dataclass(frozen=True, kw_only=True)
class TrainingCells:
    """The training rows, in two strata if labelled cells have a share of their own."""

    rows: Tensor
    """(cell,) rows that an epoch uses once."""
    labelled: Tensor
    """(cell,) rows for the labelled share; empty without a share."""
    batch_size: int
    n_labelled: int
    """Labelled cells per step."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps of an epoch; a last step of very few cells is omitted."""
        full, rest = divmod(len(self.rows), self._size)
        return full * (self._size >= self._fewest) + (0 < rest >= self._fewest)

    @property
    def n_cells(self) -> int:
        """Cells per step."""
        return self._size + self.n_labelled

    @property
    def _size(self) -> int:
        """Cells per step that an epoch uses once."""
        return (self.batch_size or len(self.rows) + self.n_labelled) - self.n_labelled

    @property
    def _fewest(self) -> int:
        """Minimum number of cells per step that an epoch uses once."""
        return min(FEWEST_CELLS, len(self.rows)) - self.n_labelled

    def epoch(self, generators: Sequence[torch.Generator]) -> Iterator[Minibatch]:
        """The steps of one epoch, each replicate in its own order."""
        order = self.rows[shuffled(len(self.rows), generators, self.rows.device)]
        steps = [part for part in order.split(self._size, dim=1) if part.shape[1] >= self._fewest]
        if not self.n_labelled:
            yield from (Minibatch(part, None) for part in steps)
            return
        again = self._again(len(steps), generators)
        for part, labelled in zip(steps, again.split(self.n_labelled, dim=1), strict=True):
            yield Minibatch(torch.cat([labelled, part], 1), self._weight(part.shape[1]))

    def _again(self, n_steps: int, generators: Sequence[torch.Generator]) -> Tensor:
        """(replicate, step x n_labelled) labelled rows, shuffled again after every pass."""
        wanted = n_steps * self.n_labelled
        turns = -(-wanted // len(self.labelled))
        device = self.rows.device
        each = [shuffled(len(self.labelled), generators, device) for _ in range(turns)]
        return self.labelled[torch.cat(each, 1)[:, :wanted]]

    def _weight(self, n_unlabelled: int) -> Tensor:
        """(cell,) weights that give each stratum its fraction of the data."""
        share = len(self.labelled) / (len(self.labelled) + len(self.rows))
        counts, shares = (self.n_labelled, n_unlabelled), (share, 1 - share)
        parts = [
            torch.full((n,), part / n, device=self.rows.device)
            for n, part in zip(counts, shares, strict=True)
        ]
        return torch.cat(parts)


def training_cells(
    problem: Problem, batch_size: int, labelled_share: float, device: torch.device
) -> TrainingCells:
    """The training rows on the device.

    Raises ValueError if a minibatch is too small for a step, if a labelled share is set and there
    are no labelled or no unlabelled training cells, or if a minibatch is too small for both.
    """
    if labelled_share:
        cells = _in_strata(problem, batch_size, labelled_share, device)
    else:
        nobody = torch.zeros(0, dtype=torch.long, device=device)
        rows = torch.from_numpy(problem.rows(TRAIN)).to(device)
        cells = TrainingCells(rows=rows, labelled=nobody, batch_size=batch_size, n_labelled=0)
    if not cells.steps_per_epoch:
        raise ValueError(f"a step takes {FEWEST_CELLS} cells at least; batch_size is {batch_size}")
    return cells


def _in_strata(
    problem: Problem, batch_size: int, labelled_share: float, device: torch.device
) -> TrainingCells:
    rows = problem.rows(TRAIN)
    known = problem.labels.get(KNOWN_TYPE, np.full(len(problem.role), ""))[rows] != ""
    if known.all() or not known.any():
        had = "all" if known.any() else "none"
        raise ValueError(f"labelled_share needs labelled and unlabelled cells; {had} are labelled")
    n_labelled = max(1, round(labelled_share * (batch_size or (~known).sum())))
    if batch_size and n_labelled >= batch_size:
        raise ValueError(f"labelled_share leaves no unlabelled cells of a batch of {batch_size}")
    return TrainingCells(
        rows=torch.from_numpy(rows[~known]).to(device),
        labelled=torch.from_numpy(rows[known]).to(device),
        batch_size=batch_size,
        n_labelled=n_labelled,
    )
