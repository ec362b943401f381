"""Share of an observed effect's variance over genes that is predicted, median of perturbations.

    median_p 1 - sum_j (predicted_pj - observed_pj)^2 / sum_j (observed_pj - mean_j observed_pj)^2

Unlike a correlation it sees the size of an effect.  Of a weak perturbation most variance is noise,
which nobody predicts: it is blind to whether that, or the prediction, is at fault.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.median(determinations(effect, data_effect)))


METRIC = Metric(
    label="effect R2",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
