"""Share of a type's cells that are found, averaged over types.

    mean over true types c of  #{i: argmax_k p_ik = true_i = c} / #{i: true_i = c}

p_ik is the predicted probability that cell i is of type k.  Every type of the scored cells has the
same weight, however rare.  Higher means that more cells of the average type are found.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import PLUGIN, PROBES, hidden_cells


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    from sklearn.metrics import recall_score

    cells = hidden_cells(class_probability, known_type, true_type)
    truth, predicted = cells.true_type, cells.predicted
    return float(recall_score(truth, predicted, labels=cells.present, average="macro"))


METRIC = Metric(
    label="balanced accuracy",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells, mean over types",
    family="few labels",
    blind_to="It is blind to cells of other types that are given a type's name: where a rare type "
    "takes a few cells of a frequent one, the score hardly changes. `macro_f1` shows this.",
    reference="Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",
    views={"plugin": PLUGIN, **PROBES},
)
