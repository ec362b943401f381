"""The total of scIB: biology kept and batches mixed.

    0.6 scib_bio + 0.4 scib_batch

The weights are the authors' choice; a method may trade one for the other, so read both.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.total


METRIC = Metric(
    label="scIB total",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
