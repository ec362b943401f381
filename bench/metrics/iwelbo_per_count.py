"""Importance-weighted bound of held-out cells, per count.

    sum over cells of the bound / sum over cells of the library size

The same quantity as ``iwelbo`` in a unit in which data sets of any depth compare; a cell weighs as
much as it has counts.  Not defined where values were measured and nothing was counted.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable


def score(*, iwelbo_per_cell: NDArray[Any], library: NDArray[Any]) -> float:
    if np.isnan(library).any():
        raise NotApplicable("nothing was counted here")
    return float(iwelbo_per_cell.sum(dtype=float) / library.sum())


METRIC = Metric(
    label="IWELBO per count",
    score=score,
    needs=frozenset({"iwelbo_per_cell", "library"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per count",
    reference="Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519",
)
