"""Correlation of predicted and observed effects on the genes that move, median of perturbations.

    median_p corr over j in T_p of (predicted_pj, observed_pj)
    T_p: the 20 genes of the largest |observed_pj|

The genes are chosen on the data that are scored, so it is blind to whether other genes are said to
move, and the choice itself makes effects look larger than they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations, on_strongest


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.median(correlations(*on_strongest(effect, data_effect, 20))))


METRIC = Metric(
    label="effect correlation on top 20 genes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
)
