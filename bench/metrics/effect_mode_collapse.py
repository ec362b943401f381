"""Diversity of predicted effects relative to that of observed ones.

    mean_p<q |predicted_p - predicted_q| / mean_p<q |observed_p - observed_q|

0 is one prediction for all perturbations, which is mode collapse; 1 is as diverse as the data.
Higher means more diverse predictions, and up to 1 that is better.  It needs two perturbations or
more.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable
from bench.parts.scoring.effect_scores import need_several


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    from scipy.spatial.distance import pdist

    need_several(data_effect)
    observed = pdist(data_effect).mean()
    if not observed:
        raise NotApplicable("all observed effects are the same")
    return float(pdist(effect).mean() / observed)


METRIC = Metric(
    label="mode-collapse index",
    score=score,
    better="higher",
    bounds=(0.0, inf),
    unit="diversity of observed effects",
    family="perturbation effects",
    blind_to="It is blind to whether any prediction is right. Noise alone raises it, that of the "
    "data too; above 1, larger is not better.",
    reference="defined here",
)
