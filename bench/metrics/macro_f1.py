"""Precision and recall of every type in one number, averaged over types.

    mean over true types c of  2 TP_c / (#{i: true_i = c} + #{i: predicted_i = c})

TP_c is the number of cells of type c that are predicted to be of type c.  Types without a scored
cell are left out of the mean; scikit-learn by default would count a zero as soon as one cell is
predicted to be of such a type.  Higher means that types are found more completely and more purely.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import PROBES, hidden_cells


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    from sklearn.metrics import f1_score

    cells = hidden_cells(class_probability, known_type, true_type)
    truth, predicted = cells.true_type, cells.predicted
    return float(f1_score(truth, predicted, labels=cells.present, average="macro"))


METRIC = Metric(
    label="macro F1",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="F1, mean over types",
    family="few labels",
    blind_to="It is blind to how confident the classifier is.",
    reference="Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002",
    views=PROBES,
)
