"""The scored cells that have the labels a metric needs; :data:`UNKNOWN` is no type and no batch."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import UNKNOWN
from bench.core.metric import ArraysByName, NotApplicable
from bench.parts.scoring.derived import Derived, needed_of_given

PER_GENE = "gene_"
"""Arrays whose names begin so have an entry per gene and none per cell."""


class LabelledCells:
    """Arrays of the scored cells, with those cells left out that lack a label.

    ``given`` are all arrays by name, ``labels`` (cell,) those among them in which a cell may be
    :data:`UNKNOWN`.  What is derived, such as neighbours, is derived from the cells that are left.
    """

    def __init__(self, given: Mapping[str, Any], labels: Iterable[str]) -> None:
        self._given, self._of = given, cache(self._without)
        self._incomplete = frozenset(n for n in labels if (given[n] == UNKNOWN).any())

    def arrays(self, needs: Iterable[str]) -> ArraysByName:
        """The arrays for a metric with these needs, of the cells that have all labels among them.

        Raises :class:`NotApplicable` where no cell has.
        """
        return self._of(self._incomplete & needed_of_given(needs))

    def _without(self, labels: frozenset[str]) -> Derived:
        if not labels:
            return Derived(self._given)
        keep = np.logical_and.reduce([self._given[name] != UNKNOWN for name in sorted(labels)])
        if not keep.any():
            raise NotApplicable(f"no scored cell has a label for {', '.join(sorted(labels))}")
        return Derived({name: _kept(name, v, keep) for name, v in self._given.items()})


def _kept(name: str, values: Any, keep: NDArray[np.bool_]) -> Any:
    """The rows of these cells, of an array with one row per scored cell."""
    per_cell = isinstance(values, np.ndarray) and values.ndim and len(values) == len(keep)
    return values[keep] if per_cell and not name.startswith(PER_GENE) else values
