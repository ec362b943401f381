"""How differently well perturbations are predicted: quartiles of ``effect_pearson``.

    q_3/4 - q_1/4 over p of corr_j(predicted_pj, observed_pj)

Blind to how well: where every correlation is 0, as with no effect, there is no spread.  Read it
beside the median.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations, interquartile_range


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return interquartile_range(correlations(effect, data_effect))


METRIC = Metric(
    label="spread of effect correlations",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, 2.0),
    unit="Pearson correlation, interquartile range",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
