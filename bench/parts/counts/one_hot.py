"""A label as an embedding: one axis per label, with little noise so that no two cells coincide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def jittered(labels: NDArray[Any], jitter: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(cell, label) one-hot codes of the labels, plus normal noise of sd ``jitter``."""
    kinds, codes = np.unique(labels, return_inverse=True)
    return np.eye(len(kinds))[codes] + rng.normal(scale=jitter, size=(len(codes), len(kinds)))
