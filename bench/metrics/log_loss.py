"""What the true type of a cell costs under the predicted probabilities.

    mean over cells of  -log max(p_i,true(i), 1e-12)

Natural logarithm.  The floor keeps one impossible type (27.6 nats) from making all infinite; a
classifier that says zero often is ruled by it.  A cell of an unknown type pays the floor.
"""

from math import log
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import FLOOR, judged, log_loss


def score(
    *,
    class_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return log_loss(judged(class_probability, known_type, true_type))


METRIC = Metric(
    label="log loss",
    score=score,
    needs=frozenset({"class_probability", "known_type", "true_type"}),
    better="lower",
    bounds=(0.0, -log(FLOOR)),
    unit="nats per cell",
    reference="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
)
