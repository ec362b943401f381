"""A label as an embedding: one axis for each, with a little noise so that no two cells coincide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.parts.neighbours import coded


def jittered(labels: NDArray[Any], jitter: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(cell, label) one where the cell has the label, plus normal noise of sd ``jitter``."""
    codes, n_labels = coded(labels)
    return np.eye(n_labels)[codes] + rng.normal(scale=jitter, size=(len(codes), n_labels))
