"""Mutual information of k-means clusters and cell types, as scib-metrics computes it.

    2 I(clusters; types) / (H(clusters) + H(types))

One start of k-means, so less steady than ``kmeans_nmi``.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.nmi_kmeans


METRIC = Metric(
    label="scIB NMI",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
