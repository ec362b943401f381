"""Silhouette of the cell types.

    mean over cells of  (b_i - a_i) / max(a_i, b_i)

a_i is the mean distance to cells of the same type, b_i to those of the nearest other type.
Euclidean distances, which the latent's own scale and its number of dimensions both move.
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
    needs=frozenset({"latent", "cell_type"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="silhouette",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
