"""Means of counts as shares of the library size, kept as logits."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Shares(NamedTuple):
    """Mean counts l softmax(a) + floor: the likelihood takes the logits and needs no dense mean."""

    logits: Tensor
    """(…, gene) a."""
    library: Tensor
    """(…, 1) l."""
    floor: Tensor
    """(); a tensor, because ``vmap`` returns nothing else."""

    @property
    def mean(self) -> Tensor:
        """(…, gene) mean counts."""
        return self.library * self.logits.softmax(-1) + self.floor


def shares_of(library: Tensor, logits: Tensor, floor: float) -> Shares:
    """Shares with this floor of the mean."""
    return Shares(logits, library, torch.full((), floor, dtype=logits.dtype, device=logits.device))


def dense_mean(rates: Tensor | Shares) -> Tensor:
    """(…, gene) mean counts."""
    return rates.mean if isinstance(rates, Shares) else rates


def parts(rates: Tensor | Shares) -> tuple[Tensor, ...]:
    """The tensors."""
    return tuple(rates) if isinstance(rates, Shares) else (rates,)


def with_dense_mean(law: Any) -> Any:
    """The same law, a tuple of tensors, with means where it holds shares."""
    dense = {
        name: part.mean
        for name, part in zip(law._fields, law, strict=True)
        if isinstance(part, Shares)
    }
    return law._replace(**dense)
