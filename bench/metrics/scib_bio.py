"""How much of the biology is kept: mean of five scores.

    mean(isolated labels, NMI, ARI, silhouette of labels, cLISI)

Unscaled scores of very different spread: silhouettes move little, NMI and ARI most.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.bio


METRIC = Metric(
    label="scIB biology kept",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
