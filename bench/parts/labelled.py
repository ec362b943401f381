"""Classifiers that are fitted to the cells whose type is told, and asked about all cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[Any]
Floats = NDArray[np.float64]

MAX_ITERATIONS = 10_000
"""Of logistic regressions: far more than they need, as a penalty holds their weights."""


def probabilities(model: Any, features: Array | csr_matrix, known_type: Array) -> Floats:
    """(cell, known type) of any of scikit-learn's classifiers on (cell, feature)."""
    told = known_type != ""
    return np.asarray(model.fit(features[told], known_type[told]).predict_proba(features))


def voters(features: Array, known_type: Array, n_neighbours: int) -> Floats:
    """(cell, known type) votes, by 1 / distance, of the nearest labelled cells or all if fewer."""
    from sklearn.neighbors import KNeighborsClassifier

    n_voters = min(n_neighbours, int((known_type != "").sum()))
    return probabilities(KNeighborsClassifier(n_voters, weights="distance"), features, known_type)
