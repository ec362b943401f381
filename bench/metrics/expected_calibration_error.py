"""Difference between a classifier's confidence and the share of its predictions that are right.

    sum over bins b of the top probability of  (n_b / N) |share correct_b - mean probability_b|

Fifteen bins of equal width, (0, 1/15] and so on; n_b of N cells lie in bin b.  Lower means that
predicted probabilities can be taken at their word.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import PROBES, hidden_cells

N_BINS = 15


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    cells = hidden_cells(class_probability, known_type, true_type)
    top, correct = cells.probability.max(1), cells.predicted == cells.true_type
    number = np.clip(np.ceil(top * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    surplus = np.bincount(number, weights=correct - top, minlength=N_BINS)
    return float(np.abs(surplus).sum() / len(top))


METRIC = Metric(
    label="expected calibration error",
    score=score,
    better="lower",
    bounds=(0.0, 1.0),
    unit="difference of shares",
    family="few labels",
    blind_to="It is blind to whether types are told apart: a classifier that gives every cell the "
    "frequencies of the types is perfectly calibrated. It is biased upwards where cells are few.",
    reference="Guo et al. 2017, arXiv 1706.04599",
    views=PROBES,
)
