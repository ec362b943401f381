"""What metrics of effects have in common; all arrays are (perturbation, gene)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def correlations(predicted: Floats, observed: Floats) -> Floats:
    """(perturbation,) Pearson correlation over genes; 0 where either side is constant."""
    one, other = (x - x.mean(1, keepdims=True) for x in (predicted, observed))
    size = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return np.divide((one * other).sum(1), size, out=np.zeros(len(size)), where=size > 0)
