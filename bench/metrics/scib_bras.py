"""How little batches differ within a cell type: batch-removal adapted silhouette.

    mean over types of  mean over cells of  1 - |s_i|        s_i: silhouette of batches, cosine

The distance to other batches is the mean over all of them, not that to the nearest, which one
well-mixed pair would hide behind.  Types found in one batch are left out.
"""

from bench.core.metric import Metric
from bench.parts.scoring.scib import ScibScores


def score(*, scib: ScibScores) -> float:
    return scib.bras


METRIC = Metric(
    label="scIB BRAS",
    score=score,
    needs=frozenset({"scib"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    reference="Rautenstrauch and Ohler 2025, doi:10.1038/s41587-025-02743-4; scib-metrics",
)
