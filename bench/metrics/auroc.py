"""Area under the ROC curve of each type's probability, averaged over types.

    mean over types c of  P(p_ic > p_jc) + P(p_ic = p_jc) / 2,   i of type c, j of another

p_ic is the predicted probability that cell i is of type c.  One half is what a probability gives
that has nothing to do with the type.  Known types without a scored cell are left out.  Higher means
that a type's own cells rank before the others.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable
from bench.parts.scoring.classification import PROBES, hidden_cells


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    from sklearn.metrics import roc_auc_score

    cells = hidden_cells(class_probability, known_type, true_type)
    pairs = [
        (cells.true_type == t, p) for t, p in zip(cells.types, cells.probability.T, strict=True)
    ]
    areas = [roc_auc_score(mine, p) for mine, p in pairs if mine.any() and not mine.all()]
    if not areas:
        raise NotApplicable("no known type has both cells of it and of others")
    return float(np.mean(areas))


METRIC = Metric(
    label="AUROC",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of pairs of cells",
    family="few labels",
    blind_to="It is blind to which type is the most probable, and to calibration.",
    reference="Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747",
    views=PROBES,
)
