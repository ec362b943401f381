"""Share of all observed effects' variance that is predicted, in one, as published.

    1 - sum_pj (predicted_pj - observed_pj)^2 / sum_pj (observed_pj - mean)^2

Effects as in ``effect_pearson_as_published``.  Perturbations of strong effects rule it; it is blind
to the others.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations, pooled


def score(*, effect_as_published: NDArray[Any], data_effect_as_published: NDArray[Any]) -> float:
    return float(determinations(pooled(effect_as_published), pooled(data_effect_as_published))[0])


METRIC = Metric(
    label="effect R2, pooled, as published",
    score=score,
    needs=frozenset({"effect_as_published", "data_effect_as_published"}),
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    sound=False,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE)",
)
