"""How many batches share a neighbourhood.

    (median over cells of LISI_i - 1) / (B - 1)        B batches; LISI_i: effective number of them

90 neighbours, the cell itself among them, weighed by distance at perplexity 30.  Batches of unequal
size cannot reach 1, and mixing cell types raises it.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.ilisi


METRIC = Metric(
    label="scIB iLISI",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
