"""Whether the 20 genes said to move most are those that do.

    mean_p |A_p and B_p| / |A_p or B_p|
    A_p, B_p: the 20 genes of the largest |predicted_pj| and |observed_pj|

A gene of no predicted effect at all is in no A_p.  Blind to the direction and the size of effects;
chance alone gives about 20 / (2 x genes).
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import mean_jaccard


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return mean_jaccard(effect, data_effect, 20)


METRIC = Metric(
    label="Jaccard index of top 20 genes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of genes",
    reference="CRADLE-VAE (dmis-lab), Baek et al. 2024, arXiv 2409.05484",
)
