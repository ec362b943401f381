"""How pure in cell type neighbourhoods are.

    (C - median over cells of LISI_i) / (C - 1)        C types; LISI_i: effective number of types

90 neighbours, the cell itself among them, weighed by distance at perplexity 30.  Close to 1 for
almost any latent that keeps types apart at all.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.clisi


METRIC = Metric(
    label="scIB cLISI",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
