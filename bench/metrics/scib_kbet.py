"""Share of neighbourhoods whose batches occur as often as in their cell type.

    mean over types of  share of cells whose chi-squared test has p >= 0.05

Neighbours are taken within the type by diffusion distance.  Types of fewer than ten cells or of one
batch are left out.  Strict: small residues of batch effects fail every test of a large type.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.kbet


METRIC = Metric(
    label="scIB kBET",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Büttner et al. 2019, doi:10.1038/s41592-018-0254-1; Luecken et al. 2022, "
    "doi:10.1038/s41592-021-01336-8; scib-metrics",
)
