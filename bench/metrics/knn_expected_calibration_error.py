"""How far a classifier's sureness is from how often it is right.

    sum over bins b of the top probability of  (n_b / N) |share correct_b - mean probability_b|

The probabilities are votes of the five nearest labelled cells in the latent: a probe that every
model with a latent can be put to, see ``bench/parts/scoring/probes.py``.
Otherwise as ``expected_calibration_error``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import expected_calibration_error, judged


def score(
    *,
    knn_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return expected_calibration_error(judged(knn_probability, known_type, true_type))


METRIC = Metric(
    label="k-NN expected calibration error",
    score=score,
    needs=frozenset({"knn_probability", "known_type", "true_type"}),
    better="lower",
    bounds=(0.0, 1.0),
    unit="difference of shares",
    reference="Guo et al. 2017, arXiv 1706.04599",
)
