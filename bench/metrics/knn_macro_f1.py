"""Precision and recall of every type in one number, every type alike.

    mean over true types c of  2 TP_c / (#{i: true_i = c} + #{i: predicted_i = c})

The probabilities are votes of the five nearest labelled cells in the latent: a probe that every
model with a latent can be put to, see ``bench/parts/scoring/probes.py``.
Otherwise as ``macro_f1``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import judged, macro_f1


def score(
    *,
    knn_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return macro_f1(judged(knn_probability, known_type, true_type))


METRIC = Metric(
    label="k-NN macro F1",
    score=score,
    needs=frozenset({"knn_probability", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="F1, mean over types",
    reference="Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002",
)
