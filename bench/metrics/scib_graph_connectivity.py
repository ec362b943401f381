"""How connected the cells of each type are.

    mean over types of  share of the type's cells in its largest strongly connected component

Edges lead to the nearest 15, the cell itself among them.  Says little beyond whether a type has
fallen apart: most latents score near 1.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.graph_connectivity


METRIC = Metric(
    label="scIB graph connectivity",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics",
)
