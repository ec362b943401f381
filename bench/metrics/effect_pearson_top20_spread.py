"""How differently well perturbations are predicted: quartiles of ``effect_pearson_top20``.

    q_3/4 - q_1/4 over p of corr over j in T_p of (predicted_pj, observed_pj)
    T_p: the 20 genes of the largest |observed_pj|

Blind to how well: read it beside the median.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations, interquartile_range, on_strongest


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return interquartile_range(correlations(*on_strongest(effect, data_effect, 20)))


METRIC = Metric(
    label="spread of effect correlations on top 20 genes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, 2.0),
    unit="Pearson correlation, interquartile range",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
