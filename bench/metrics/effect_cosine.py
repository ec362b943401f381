"""Cosine of predicted and observed log-fold changes: the mean of the perturbations.

    mean_p sum_j predicted_pj observed_pj / (|predicted_p| |observed_p|)

Effects are differences of mean log2(1 + counts at depth 10,000), so they are log-fold changes with
a pseudocount of one.  A prediction of no effect scores 0.  Higher means that the direction of an
effect is predicted better.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import cosines


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.diagonal(cosines(effect, data_effect)).mean())


METRIC = Metric(
    label="cosine of log-fold changes",
    score=score,
    better="higher",
    bounds=(-1.0, 1.0),
    unit="cosine",
    family="perturbation effects",
    blind_to="It is blind to the size of effects. A shift that all perturbations share raises it.",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
)
