"""Share of the cells with a hidden label whose most probable type is the true one.

    (1/N) #{i: argmax_c p_ic = true_i}

p_ic is the predicted probability that cell i is of type c; of equal probabilities the first type
counts.  Higher means that more cells are classified correctly.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import PLUGIN, PROBES, hidden_cells


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    from sklearn.metrics import accuracy_score

    cells = hidden_cells(class_probability, known_type, true_type)
    return float(accuracy_score(cells.true_type, cells.predicted))


METRIC = Metric(
    label="accuracy",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells",
    family="few labels",
    blind_to="It is blind to rare types: a classifier that always names the most frequent type may "
    "score high.",
    reference="metric of every classifier; Xu et al. 2021, doi:10.15252/msb.20209620",
    views={"plugin": PLUGIN, **PROBES},
)
