"""How differently well perturbations are predicted: quartiles of ``effect_r2``.

    q_3/4 - q_1/4 over p of 1 - sum_j (predicted - observed)^2 / sum_j (observed - mean)^2

Blind to how well: where nothing is predicted of any perturbation there is hardly a spread.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations, interquartile_range


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return interquartile_range(determinations(effect, data_effect))


METRIC = Metric(
    label="spread of effect R2",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, inf),
    unit="share of variance, interquartile range",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
