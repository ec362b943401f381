"""Silhouette of the isolated cell types: those found in the fewest batches.

    mean over isolated types of  (s + 1) / 2        s: mean silhouette of the type's cells

Where all types are in all batches every type is isolated, and it says what the silhouette says.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.isolated_labels


METRIC = Metric(
    label="scIB isolated labels",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
