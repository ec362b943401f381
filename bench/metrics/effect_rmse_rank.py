"""Rank, mean over perturbations, of the right prediction among all by RMSE.

    mean_p #{q: d(predicted_q, observed_p) < d(predicted_p, observed_p)} / (P - 1)
    d: root mean square of the differences over genes

Ties count one half.  0 is perfect; 1/2 is what the same prediction for all perturbations gets, or
the right ones in random order.  Blind to how far off predictions are, as long as they keep apart;
defined for two perturbations or more.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import mean_rank


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    from scipy.spatial.distance import cdist

    return mean_rank(cdist(data_effect, effect))


METRIC = Metric(
    label="rank of effects by error",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, 1.0),
    unit="share of other perturbations",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
)
