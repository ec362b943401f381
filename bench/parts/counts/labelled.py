"""Cells whose type is told: their codes, and classifiers fitted to them and asked about all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[Any]
Floats = NDArray[np.float64]

MAX_ITERATIONS = 10_000
"""Of logistic regressions: far more than they need, as a penalty holds their weights."""


def known_codes(known_type: Array) -> NDArray[np.int64]:
    """(cell,) number of the known type among all that any cell is known to be of, else -1."""
    is_labelled, codes = known_type != "", np.full(len(known_type), -1, dtype=np.int64)
    codes[is_labelled] = np.unique(known_type[is_labelled], return_inverse=True)[1]
    return codes


def probabilities(model: Any, features: Array | csr_matrix, known_type: Array) -> Floats:
    """(cell, known type) of any of scikit-learn's classifiers on (cell, feature)."""
    is_labelled = known_type != ""
    return np.asarray(
        model.fit(features[is_labelled], known_type[is_labelled]).predict_proba(features)
    )


def voters(features: Array, known_type: Array, n_neighbours: int) -> Floats:
    """(cell, known type) votes, by 1 / distance, of the nearest labelled cells or all if fewer."""
    from sklearn.neighbors import KNeighborsClassifier

    n_voters = min(n_neighbours, int((known_type != "").sum()))
    return probabilities(KNeighborsClassifier(n_voters, weights="distance"), features, known_type)
