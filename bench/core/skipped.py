"""Rows of combinations that a plan skips because they do not fit."""

from collections.abc import Iterable
from typing import Any

ALL_RUNS = "all runs"
"""The ``run`` of a skipped row that stands for every run, because the task cannot use the dataset;
no label of a run has a blank."""

SKIPPED = ("run", "dataset", "task", "reason")
"""Fields of a skipped row."""


def grouped_skips(skipped: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Skipped rows, where rows with the same reason are one: run, dataset and task are lists."""
    rows = [tuple(row[name] for name in SKIPPED) for row in skipped]
    for place in range(len(SKIPPED) - 1):
        merged: dict[tuple[Any, ...], list[str]] = {}
        for row in rows:
            merged.setdefault((row[:place], row[place + 1 :]), []).append(row[place])
        rows = [(*before, tuple(names), *after) for (before, after), names in merged.items()]
    return [dict(zip(SKIPPED, row, strict=True)) for row in rows]
