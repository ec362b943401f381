"""Share of an observed effect's variance over the genes that move, median of perturbations.

    median_p 1 - sum_j (predicted_pj - observed_pj)^2 / sum_j (observed_pj - mean_j observed_pj)^2
    j: the 20 genes of the largest |observed_pj|

The genes are chosen on the data that are scored: it is blind to whether others are said to move.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import determinations, on_strongest


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.median(determinations(*on_strongest(effect, data_effect, 20))))


METRIC = Metric(
    label="effect R2 on top 20 genes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
