"""The second imputation score of scVI's published code: the mean over cells of their medians.

    mean over cells with a changed entry of  median over its changed entries of  | x_ij - r_ij |

r is the rate at a single posterior draw, before dropouts.  A cell with one changed entry weighs as
much as a cell with a hundred; kept for comparison with published values, never ranked by.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(
    *, drawn_rate: NDArray[Any], changed: NDArray[Any], changed_counts: NDArray[Any]
) -> float:
    errors = np.abs(changed_counts - drawn_rate[changed].astype(float))
    n_changed = changed.sum(1)
    of_cells = np.split(errors, np.cumsum(n_changed[n_changed > 0])[:-1])
    return float(np.mean([np.median(cell) for cell in of_cells]))


METRIC = Metric(
    label="imputation score per cell as published",
    score=score,
    needs=frozenset({"drawn_rate", "changed", "changed_counts"}),
    better="lower",
    bounds=(0.0, inf),
    unit="counts",
    sound=False,
    reference="scvi 0.2 to 0.6, imputation_benchmark",
)
