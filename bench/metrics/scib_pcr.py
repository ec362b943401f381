"""Share of the variance explained by batches that integration removed.

    max(0, (R_before - R_after) / R_before)        R = sum_k v_k R2_k / sum_k v_k

R2_k is that of a regression of component k on batches, v_k the component's variance; before is the
PCA of log counts.  Blind to everything but the means of batches.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.pcr


METRIC = Metric(
    label="scIB PCR comparison",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Büttner et al. 2019, doi:10.1038/s41592-018-0254-1; Luecken et al. 2022, "
    "doi:10.1038/s41592-021-01336-8; scib-metrics",
)
