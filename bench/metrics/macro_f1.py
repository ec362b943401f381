"""Precision and recall of every type in one number, every type alike.

    mean over true types c of  2 TP_c / (#{i: true_i = c} + #{i: predicted_i = c})

Types that no scored cell is of are left out: naming them shows as cells of others not found.
Blind to how sure the classifier is.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import judged, macro_f1


def score(
    *,
    class_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return macro_f1(judged(class_probability, known_type, true_type))


METRIC = Metric(
    label="macro F1",
    score=score,
    needs=frozenset({"class_probability", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="F1, mean over types",
    reference="Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002",
)
