"""What the true type of a cell costs under the predicted probabilities.

    mean over cells of  -log max(p_i,true(i), 1e-12)

The probabilities are votes of the five nearest labelled cells in the latent: a probe that every
model with a latent can be put to, see ``bench/parts/scoring/probes.py``.
Otherwise as ``log_loss``.
"""

from math import log
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import FLOOR, judged, log_loss


def score(
    *,
    knn_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return log_loss(judged(knn_probability, known_type, true_type))


METRIC = Metric(
    label="k-NN log loss",
    score=score,
    needs=frozenset({"knn_probability", "known_type", "true_type"}),
    better="lower",
    bounds=(0.0, -log(FLOOR)),
    unit="nats per cell",
    reference="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
)
