"""How well batches are mixed: mean of five scores.

    mean(BRAS, iLISI, kBET, graph connectivity, PCR comparison)

Over those that apply.  Four of the five are raised by mixing everything with everything.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.batch


METRIC = Metric(
    label="scIB batches mixed",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
