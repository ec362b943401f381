"""How far off the original counts are, where they were corrupted: the median.

    median over changed entries of  | x_ij - m_ij |

m is the posterior mean of the expected count, which does not look at the (corrupted) entry itself.
A median: robust, and for small counts nearly blind to anything but how often m is near zero; the
mean is ``corruption_error_mean``.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(
    *, fitted_mean: NDArray[Any], changed: NDArray[Any], changed_counts: NDArray[Any]
) -> float:
    return float(np.median(np.abs(changed_counts - fitted_mean[changed].astype(float))))


METRIC = Metric(
    label="corruption error, median",
    score=score,
    needs=frozenset({"fitted_mean", "changed", "changed_counts"}),
    better="lower",
    bounds=(0.0, inf),
    unit="counts",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, averaged over draws",
)
