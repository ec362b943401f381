"""Unsupervised clustering accuracy: cells whose k-means cluster stands for their type.

    (1/N) max over one-to-one assignments a of  #{i: type_i = a(cluster_i)}

As many clusters as types, the best of ten starts, the best assignment.  Rare types hardly count.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.clusters import assigned_share


def score(*, clusters: NDArray[Any], cell_type: NDArray[Any]) -> float:
    return assigned_share(clusters, cell_type)


METRIC = Metric(
    label="unsupervised clustering accuracy",
    score=score,
    needs=frozenset({"clusters", "cell_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
