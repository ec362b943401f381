"""Mutual information of k-means clusters and cell types.

    2 I(clusters; types) / (H(clusters) + H(types))

As many clusters as types, the best of ten starts.  Rewards round clusters of similar size, because
k-means finds these.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, clusters: NDArray[Any], cell_type: NDArray[Any]) -> float:
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(cell_type, clusters))


METRIC = Metric(
    label="NMI of k-means clusters",
    score=score,
    needs=frozenset({"clusters", "cell_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
