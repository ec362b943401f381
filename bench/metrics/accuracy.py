"""Share of the cells with a hidden label whose most probable type is the true one.

    (1/N) #{i: argmax_c p_ic = true_i}

Blind to rare types: naming the most frequent one alone may score high.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import accuracy, judged


def score(
    *,
    class_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return accuracy(judged(class_probability, known_type, true_type))


METRIC = Metric(
    label="accuracy",
    score=score,
    needs=frozenset({"class_probability", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells",
    reference="metric of every classifier; Xu et al. 2021, doi:10.15252/msb.20209620",
)
