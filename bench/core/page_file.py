"""The card a file ends with that makes a table of a single run for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Replicate = tuple[int, Mapping[str, NDArray[Any]]]
"""A seed, and the arrays that were read out of it, by name."""


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """A table that is made of a single run, after it was read out, for a section of the report.

    The card a file in ``bench/page_files`` ends with, under the name ``PAGE_FILE``.  The table is
    written as ``<name>.<format>`` beside the other results of the run, ``<name>`` being the name of
    the card's file.  Tables are made of all runs that give what they need, but for the runs of a
    sweep and the trials of a search.
    """

    label: str
    format: Literal["csv", "parquet"]
    """Numbers in CSV have six digits."""
    needs: frozenset[str]
    """Arrays of the readouts and targets of the task without which it cannot be made."""
    reads: frozenset[Literal["problem", "cells"]] = frozenset()
    """Files that it is made from as well: the problem, the prepared dataset."""
    splits: Literal["all", "first"] = "all"
    """On which splits it is made."""
    make: Callable[[Iterable[Replicate], Mapping[str, Path]], Iterator[pd.DataFrame]]
    """(replicates that were read out, by seed; paths of what it ``reads``) -> parts of the table.
    None at all leave an empty file."""
