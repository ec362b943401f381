"""Silhouette of the cell types.

    mean over cells of  (b_i - a_i) / max(a_i, b_i)

a_i is the mean Euclidean distance to cells of the same type, b_i that to the cells of the nearest
other type.  Higher means that types are compact and far from each other.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable


def score(*, latent: NDArray[Any], cell_type: NDArray[Any]) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(cell_type)) < len(cell_type):
        raise NotApplicable("it needs two cell types, one of them with two cells")
    return float(silhouette_score(latent.astype(np.float64), cell_type))


METRIC = Metric(
    label="silhouette of cell types",
    score=score,
    better="higher",
    bounds=(-1.0, 1.0),
    unit="silhouette",
    family="batch integration",
    blind_to="It is blind to neighbourhoods: it sees mean distances only, which the scale and the "
    "number of dimensions of the latent change.",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
