"""Counts as an encoder and a likelihood may see them, whatever stands where nobody may look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.variant import Minibatch

if TYPE_CHECKING:
    from torch import Tensor


def seen_counts(cells: Minibatch) -> Tensor:
    """(cell, gene) counts, zero wherever nobody may look."""
    counts = cells["counts"]
    return counts.where(cells["observed"] > 0, counts.new_zeros(()))


def library_size(cells: Minibatch) -> Tensor:
    """(cell, 1) observed counts of a cell, scaled up by the share of its genes that is observed."""
    share = cells["observed"].expand_as(cells["counts"]).mean(-1, keepdim=True)
    return seen_counts(cells).sum(-1, keepdim=True) / share
