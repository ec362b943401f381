"""Share of a cell's neighbours that are of its own type.

    mean over types t of  mean over cells i of t of  share of type t among 30 neighbours of i

A cell is not its own neighbour.  Every type has the same weight, however rare.  Higher means that
types are kept apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable


def score(*, neighbour_index: NDArray[Any], cell_type: NDArray[Any]) -> float:
    if np.unique(cell_type, return_counts=True)[1].max() < 2:
        raise NotApplicable("it needs a cell type of two cells")
    alike = (cell_type[neighbour_index[:, :30]] == cell_type[:, None]).mean(1)
    return float(np.mean([alike[cell_type == kind].mean() for kind in np.unique(cell_type)]))


METRIC = Metric(
    label="k-NN purity",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of neighbours",
    family="batch integration",
    blind_to="It is blind to batches. A type of fewer than 31 cells cannot reach 1.",
    reference="Xu et al. 2021, doi:10.15252/msb.20209620, as its code computed it: per type",
)
