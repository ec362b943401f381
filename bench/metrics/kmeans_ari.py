"""Agreement of k-means clusters and cell types, corrected for chance.

    (pairs alike in both - expected) / (largest possible - expected)       adjusted Rand index

As many clusters as types, the best of ten starts.  Dominated by the most frequent types, which make
most pairs.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, clusters: NDArray[Any], cell_type: NDArray[Any]) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(cell_type, clusters))


METRIC = Metric(
    label="ARI of k-means clusters",
    score=score,
    needs=frozenset({"clusters", "cell_type"}),
    better="higher",
    bounds=(-0.5, 1.0),
    unit="corrected for chance",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
