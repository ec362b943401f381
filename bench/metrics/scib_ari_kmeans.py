"""Adjusted Rand index of k-means clusters and cell types, as scib-metrics computes it.

    (pairs alike in both - expected) / (largest possible - expected)

One start of k-means, so less steady than ``kmeans_ari``.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.ari_kmeans


METRIC = Metric(
    label="scIB ARI",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
