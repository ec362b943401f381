"""Visible counts for encoders and likelihoods, independent of the values of hidden entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.variant import Minibatch

if TYPE_CHECKING:
    from torch import Tensor


def seen_counts(cells: Minibatch) -> Tensor:
    """(cell, gene) counts, zero for hidden entries."""
    counts = cells["counts"]
    return counts.where(cells["observed"] > 0, counts.new_zeros(()))


def observed_sum(log_prob: Tensor, cells: Minibatch) -> Tensor:
    """(…, cell) sum of (…, cell, gene) log-probabilities over observed entries."""
    return (cells["observed"] * log_prob).sum(-1)


def library_size(cells: Minibatch) -> Tensor:
    """(cell, 1) sum of the observed counts, divided by the observed share of the genes."""
    share = cells["observed"].expand_as(cells["counts"]).mean(-1, keepdim=True)
    return seen_counts(cells).sum(-1, keepdim=True) / share
