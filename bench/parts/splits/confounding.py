"""Labels that say the same about a cell: then scores of one are scores of the other."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import UNKNOWN
from bench.core.errors import listed

FEWEST_CELLS = 10
"""A type or batch with fewer cells has unstable scores."""

Labels = Mapping[str, NDArray[np.str_]]


def confounded(labels: Labels) -> Iterator[str]:
    """Sentences about pairs of labels that determine each other, among cells that have both.

    A missing label is "" or ``unknown``.
    """
    for one, other in combinations(
        [n for n in ("batch", "cell_type", "perturbation") if n in labels], 2
    ):
        both = _known(labels[one]) & _known(labels[other])
        first, second = labels[one][both], labels[other][both]
        pairs = np.unique(np.char.add(np.char.add(first, "\n"), second))
        n_first, n_second = len(np.unique(first)), len(np.unique(second))
        if min(n_first, n_second) < 2:
            continue
        a, b = one.replace("_", " "), other.replace("_", " ")
        if len(pairs) == n_first == n_second:
            yield f"every {a} is one {b} and the reverse: the two cannot be told apart"
        elif len(pairs) == n_first:
            yield f"every {a} has cells of one {b} only: differences between them may be either"
        elif len(pairs) == n_second:
            yield f"every {b} has cells of one {a} only: differences between them may be either"


def small_levels(labels: Labels) -> Iterator[str]:
    """A sentence about cell types of few cells, and one about batches of few cells."""
    for name, plural in (("cell_type", "cell types"), ("batch", "batches")):
        values = labels.get(name, np.zeros(0, dtype=str))
        names, n_cells = np.unique(values[_known(values)], return_counts=True)
        few = names[n_cells < FEWEST_CELLS].tolist()
        if few:
            yield (
                f"{len(few):,} of {len(names):,} {plural} have fewer than {FEWEST_CELLS} scored "
                f"cells; their scores vary between splits: {listed(few)}"
            )


def _known(values: NDArray[np.str_]) -> NDArray[np.bool_]:
    return (values != "") & (values != UNKNOWN)
