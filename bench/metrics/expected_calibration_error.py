"""How far a classifier's sureness is from how often it is right.

    sum over bins b of the top probability of  (n_b / N) |share correct_b - mean probability_b|

Fifteen bins of equal width, (0, 1/15] and so on.  Blind to whether types are told apart: to say the
frequencies of the types of every cell is calibrated.  Biased upwards where cells are few.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import expected_calibration_error, judged


def score(
    *,
    class_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return expected_calibration_error(judged(class_probability, known_type, true_type))


METRIC = Metric(
    label="expected calibration error",
    score=score,
    needs=frozenset({"class_probability", "known_type", "true_type"}),
    better="lower",
    bounds=(0.0, 1.0),
    unit="difference of shares",
    reference="Guo et al. 2017, arXiv 1706.04599",
)
