"""Collects every loss term by step and seed as rows in long form."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor

from bench.core.rows import CURVES


class Curves:
    """Rows of ``curve.parquet``, as columns."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in CURVES}

    def add(
        self,
        part: Literal["train", "validation"],
        step: int,
        epoch: int,
        seeds: Sequence[int],
        terms: Mapping[str, Tensor],
    ) -> None:
        """Append (replicate,) values of every term, except NaN and infinite values."""
        for term, values in terms.items():
            for seed, value in zip(seeds, values.tolist(), strict=True):
                if abs(value) < float("inf"):
                    row = (step, epoch, seed, part, term, value)
                    for name, item in zip(CURVES, row, strict=True):
                        self.columns[name].append(item)
