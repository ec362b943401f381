"""Silhouette of the cell types, scaled to [0, 1].

    mean over cells of  (s_i + 1) / 2        s_i: silhouette, Euclidean

A half is what chance gives, and well separated types of uneven shape seldom pass 0.7.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.silhouette_label


METRIC = Metric(
    label="scIB silhouette of labels",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
