"""Number of latent dimensions that carry information about the cells.

    number of dimensions k with  Var_i(z_ik) > 0.01        z: posterior means

A dimension that the model does not use has the same posterior mean for every cell.  Higher means
that more dimensions vary between cells; zero means a collapsed latent.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric

SMALLEST_VARIANCE = 0.01


def score(*, latent: NDArray[Any]) -> float:
    return float((latent.astype(np.float64).var(axis=0) > SMALLEST_VARIANCE).sum())


METRIC = Metric(
    label="active units",
    score=score,
    better="higher",
    bounds=(0.0, float("inf")),
    unit="dimensions",
    family="held-out cells",
    blind_to="It is blind to what the dimensions mean, and depends on the scale of the latent: a "
    "principal component of small variance is not active. More dimensions are not better by "
    "themselves.",
    reference="Burda et al. 2016, arXiv 1509.00519",
)
