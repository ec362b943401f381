"""The card at the end of a file that makes a table of a single run for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Replicate = tuple[int, Mapping[str, NDArray[Any]]]
"""A seed, and its readout arrays by name."""


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """A table of a single run, made from its readouts, for a section of the report.

    Every file in ``bench/page_files`` ends with such a card, named ``PAGE_FILE``.  The table is
    ``<name>.<format>`` in the folder of the run, where ``<name>`` is the name of the card's file.
    A job makes the table for all runs that provide its arrays, except for the runs of a sweep and
    the trials of a search.
    """

    label: str
    format: Literal["csv", "parquet"]
    """Numbers in CSV have six digits."""
    needs: frozenset[str]
    """Required arrays: of readouts and targets of the task."""
    reads: frozenset[Literal["problem", "cells"]] = frozenset()
    """Additional input files: the problem, the prepared dataset."""
    splits: Literal["all", "first"] = "all"
    """The splits for which the table is made."""
    make: Callable[[Iterable[Replicate], Mapping[str, Path]], Iterator[pd.DataFrame]]
    """(replicates with readouts, by seed; paths of the files in ``reads``) -> parts of the table;
    without parts the file is empty."""
