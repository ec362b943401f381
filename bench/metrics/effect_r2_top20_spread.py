"""How differently well perturbations are predicted: quartiles of ``effect_r2_top20``.

    q_3/4 - q_1/4 over p of 1 - sum_j (predicted - observed)^2 / sum_j (observed - mean)^2
    j: the 20 genes of the largest |observed_pj|

Blind to how well: read it beside the median.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations, interquartile_range, on_strongest


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return interquartile_range(determinations(*on_strongest(effect, data_effect, 20)))


METRIC = Metric(
    label="spread of effect R2 on top 20 genes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, inf),
    unit="share of variance, interquartile range",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
