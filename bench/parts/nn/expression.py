"""Expression as shares of the counts of a cell, decoded under a given batch.

    rho_ij = m_ij / sum_j m_ij          m: expected counts before dropout

For a model that multiplies shares by a library size, these are its shares, for any library size.
Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2 (``get_sample_scale``, transform_batch).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.core.variant import Minibatch
from bench.parts.nn.latents import Latents

if TYPE_CHECKING:
    from torch import Tensor

EACH = "each"
"""The option for every batch in turn; an empty name means the batch of the cell."""


def batch_codes(problem: Problem, batch: str, key_path: str) -> Sequence[int | None]:
    """The batch codes for decoding, None for the cell's own.  Raises if no batch has that name."""
    known = np.unique(problem.labels["batch"]).tolist() if "batch" in problem.labels else []
    if not batch or (batch == EACH and not known):
        return [None]
    if batch == EACH:
        return range(len(known))
    if batch not in known:
        raise mistake(key_path, batch, f"no such batch; there are: {', '.join(known) or 'none'}")
    return [known.index(batch)]


def shares(module: Any, latents: Latents, cells: Minibatch, code: int | None = None) -> Tensor:
    """(cell, gene) expression with sum one, decoded under one batch."""
    there = dict(cells)
    if code is not None and "batch" in cells:
        there["batch"] = cells["batch"].new_full(cells["batch"].shape, code)
    expressed = module.generate(latents, there).expressed
    return expressed / expressed.sum(-1, keepdim=True)
