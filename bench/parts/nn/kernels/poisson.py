"""One row of Poisson counts.  ``value`` (gene,) and ``slope`` (gene,) = mu d/d mu are filled.

x log mu - mu - log x!
"""

from math import lgamma, log

import numpy as np

from bench.parts.nn.kernels.coefficient import LOG_FACTORIAL, MOST_FACTORS, log_near
from bench.parts.nn.kernels.compilation import over_genes


@over_genes
def poisson_row(mean, column, count, value, slope):  # type: ignore[no-untyped-def]
    """``column`` and ``count`` are the non-zeros; ``slope`` may be None."""
    for j in range(len(mean)):
        value[j] = -mean[j]
        if slope is not None:
            slope[j] = -mean[j]
    for k in range(len(column)):
        j, x = column[k], np.float64(count[k])
        m = np.float64(mean[j])
        if x <= MOST_FACTORS:
            value[j] = np.float32(x * log_near(m) - m - LOG_FACTORIAL[int(x)])
        else:
            value[j] = np.float32(x * log(m) - m - lgamma(x + 1))
        if slope is not None:
            slope[j] = np.float32(x - m)
