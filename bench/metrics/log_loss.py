"""Negative log-probability of the true type, averaged over cells.

    mean over cells of  -log max(p_i,true(i), 1e-12)

Natural logarithm.  The floor keeps a single type of probability zero (27.6 nats) from making the
score infinite; a cell of a type without labelled cells costs the floor.  Lower means that the true
types get higher probabilities.
"""

from dataclasses import replace
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import PROBES, hidden_cells

FLOOR = 1e-12
"""Smallest probability that is scored."""


def score(
    *, class_probability: NDArray[Any], known_type: NDArray[Any], true_type: NDArray[Any]
) -> float:
    # scikit-learn's function warns of probabilities that sum to one in single precision only, and
    # refuses a single known type.
    cells = hidden_cells(class_probability, known_type, true_type)
    of_truth = (cells.probability * (cells.types == cells.true_type[:, None])).sum(1)
    return float(-np.log(np.clip(of_truth, FLOOR, 1)).mean())


METRIC = Metric(
    label="log loss",
    score=score,
    better="lower",
    bounds=(0.0, -log(FLOOR)),
    unit="nats per cell",
    family="few labels",
    blind_to="It is blind to how the remaining probability is shared among the wrong types. "
    "Probabilities of zero dominate it: each costs 27.6 nats.",
    reference="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
    views=PROBES
    | {
        "knn": replace(
            PROBES["knn"],
            blind_to="It is blind to the latent beyond five neighbours: their votes are often "
            "exactly zero, so it mostly counts the cells without a labelled neighbour of their "
            "own type.",
        )
    },
)
