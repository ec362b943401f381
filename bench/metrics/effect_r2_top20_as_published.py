"""Share of the observed effects' variance on each perturbation's 20 genes, as published.

    1 - sum over p, j in T_p of (predicted_pj - observed_pj)^2 / sum of (observed_pj - mean)^2
    T_p: the 20 genes of the largest |observed_pj|

Effects as in ``effect_pearson_as_published``; besides, it is blind to whether genes are said to
move that do not.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations, on_strongest, pooled


def score(*, effect_as_published: NDArray[Any], data_effect_as_published: NDArray[Any]) -> float:
    on_genes = on_strongest(effect_as_published, data_effect_as_published, 20)
    predicted, observed = (pooled(effect) for effect in on_genes)
    return float(determinations(predicted, observed)[0])


METRIC = Metric(
    label="effect R2 on top 20 genes, pooled, as published",
    score=score,
    needs=frozenset({"effect_as_published", "data_effect_as_published"}),
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    sound=False,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE-20)",
)
