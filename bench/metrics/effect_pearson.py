"""Correlation of predicted and observed effects over genes, the median of the perturbations.

    median_p corr_j(predicted_pj, observed_pj)

Every perturbation counts alike, however strong.  A prediction that is constant over genes says
nothing and scores 0.  Control-referenced effects share a common shift that raises it: read it
beside ``effect_pearson_centroid``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.median(correlations(effect, data_effect)))


METRIC = Metric(
    label="Effect correlation",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
