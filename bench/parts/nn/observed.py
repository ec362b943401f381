"""Visible counts for encoders and likelihoods, independent of the values of hidden entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.core.variant import ENTRIES, Minibatch

if TYPE_CHECKING:
    from torch import Tensor


def all_observed(cells: Minibatch) -> bool:
    """Whether no entry is missing: then ``observed`` has one number per cell."""
    return cells["observed"].shape[-1] == 1 < cells["counts"].shape[-1]


def seen_counts(cells: Minibatch) -> Tensor:
    """(cell, gene) counts, zero for hidden entries."""
    counts = cells["counts"]
    if all_observed(cells):
        return counts
    return counts.where(cells["observed"] > 0, counts.new_zeros(()))


def log_seen_counts(cells: Minibatch) -> Tensor:
    """(cell, gene) log(1 + counts), zero for hidden entries."""
    entries = entries_in(cells)
    return entries.log_counts() if entries and all_observed(cells) else seen_counts(cells).log1p()


def entries_in(cells: Minibatch) -> Any:
    """The :class:`CountEntries` of the cells; None if they do not belong to their counts."""
    entries: Any = cells.get(ENTRIES)
    return entries if entries is not None and entries.counts is cells["counts"] else None


def observed_sum(log_prob: Tensor, cells: Minibatch) -> Tensor:
    """(…, cell) sum of (…, cell, gene) log-probabilities over observed entries."""
    return (cells["observed"] * log_prob).sum(-1)


def library_size(cells: Minibatch) -> Tensor:
    """(cell, 1) sum of the observed counts, divided by the observed share of the genes."""
    if all_observed(cells):
        return cells["counts"].sum(-1, keepdim=True)
    share = cells["observed"].expand_as(cells["counts"]).mean(-1, keepdim=True)
    return seen_counts(cells).sum(-1, keepdim=True) / share
