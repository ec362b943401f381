"""Labelled cells: their codes, and classifiers that are fitted to them and applied to all cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Array = NDArray[Any]
Floats = NDArray[np.float64]

MAX_ITERATIONS = 10_000
"""Of logistic regressions; penalised fits need far fewer."""


def known_codes(known_type: Array) -> NDArray[np.int64]:
    """(cell,) index of the type among the known types for labelled cells, else -1."""
    is_labelled, codes = known_type != "", np.full(len(known_type), -1, dtype=np.int64)
    codes[is_labelled] = np.unique(known_type[is_labelled], return_inverse=True)[1]
    return codes


def probabilities(model: Any, features: Array | csr_matrix, known_type: Array) -> Floats:
    """(cell, known type) probabilities of a scikit-learn classifier on (cell, feature)."""
    is_labelled = known_type != ""
    return np.asarray(
        model.fit(features[is_labelled], known_type[is_labelled]).predict_proba(features)
    )


def voters(features: Array, known_type: Array, n_neighbours: int) -> Floats:
    """(cell, known type) votes of the nearest labelled cells, or all if fewer, by 1 / distance."""
    from sklearn.neighbors import KNeighborsClassifier

    n_voters = min(n_neighbours, int((known_type != "").sum()))
    return probabilities(KNeighborsClassifier(n_voters, weights="distance"), features, known_type)
