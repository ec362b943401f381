"""Agreement of k-means clusters with the cell types.

    2 I(clusters; types) / (H(clusters) + H(types))                             view nmi
    (pairs alike in both - expected) / (largest possible - expected)            view ari
    (1/N) max over one-to-one assignments a of  #{i: type_i = a(cluster_i)}     view accuracy

There are as many clusters as types, from the best of ten starts.  Higher means that clusters and
types agree.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.scoring.neighbours import coded

Array = NDArray[Any]


def mutual_information(clusters: Array, cell_type: Array) -> float:
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(cell_type, clusters))


def rand_index(clusters: Array, cell_type: Array) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(cell_type, clusters))


def assigned_share(clusters: Array, cell_type: Array) -> float:
    """The share of cells of the type that their cluster is assigned to, by the best assignment."""
    from scipy.optimize import linear_sum_assignment

    (cluster, n_clusters), (kind, n_kinds) = coded(clusters), coded(cell_type)
    both = np.zeros((n_clusters, n_kinds), dtype=np.int64)
    np.add.at(both, (cluster, kind), 1)
    matched = linear_sum_assignment(both, maximize=True)
    return float(both[matched].sum() / len(kind))


def score(
    *, clusters: Array, cell_type: Array, agreement: Callable[[Array, Array], float]
) -> float:
    return agreement(clusters, cell_type)


METRIC = Metric(
    label="k-means clusters",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    family="batch integration",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
    default="nmi",
    views={
        "nmi": View(
            label="NMI",
            description="Normalised mutual information.",
            options={"agreement": mutual_information},
            blind_to="It is blind to types that are apart but not round, which k-means does not "
            "find; clusters of similar size score higher.",
        ),
        "ari": View(
            label="ARI",
            description="Adjusted Rand index: the pairs of cells that are together or apart in "
            "both, corrected for chance.",
            options={"agreement": rand_index},
            bounds=(-0.5, 1.0),
            unit="corrected for chance",
            blind_to="It is blind to rare types, because frequent ones make most of the pairs, and "
            "to types that are apart but not round, which k-means does not find.",
        ),
        "accuracy": View(
            label="unsupervised clustering accuracy",
            description="Share of cells whose cluster is assigned to their type, by the best "
            "one-to-one assignment of clusters to types.",
            options={"agreement": assigned_share},
            unit="share of cells",
            blind_to="It is blind to rare types, which hardly count, and to types that are apart "
            "but not round, which k-means does not find.",
        ),
    },
)
