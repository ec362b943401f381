"""A label as an embedding: one axis per label, with little noise so that no two cells coincide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import UNKNOWN


def jittered(labels: NDArray[Any], jitter: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(cell, label) one where the cell has the label, plus normal noise of sd ``jitter``.

    A cell without a label has no axis: only noise.
    """
    kinds = np.unique(labels[labels != UNKNOWN])
    return (labels[:, None] == kinds) + rng.normal(scale=jitter, size=(len(labels), len(kinds)))
