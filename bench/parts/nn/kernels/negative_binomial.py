"""One row of negative binomial counts, with t = mu / r.

    x = 0    - r log(1 + t)
    x > 0    the same + log Gamma(x + r) - log Gamma(r) - log x! + x log(mu / (r + mu))

Filled, (gene,) each: ``value``, ``slope`` = mu d/d mu and ``of_theta`` = d/d r.
"""

from math import log, log1p

import numpy as np

from bench.parts.nn.kernels import elementary
from bench.parts.nn.kernels.coefficient import (
    MOST_FACTORS,
    MOST_OF_PRODUCTS,
    product_terms,
    series_terms,
)
from bench.parts.nn.kernels.compilation import elementwise, over_genes
from bench.parts.nn.kernels.elementary import ONE, log1p_tail


@elementwise
def positive_count(x, m, r, log1p_t, tail, prior):  # type: ignore[no-untyped-def]
    """log(prior) + the log-probability of x > 0, its slope and its d/d r.

    ``log1p_t`` and ``tail`` are those of the dense loop, exact enough up to x = 32: there the value
    is at most about -1 and no term is much larger.
    """
    x, m, r = np.float64(x), np.float64(m), np.float64(r)
    both = r + m
    if x <= MOST_FACTORS and r <= MOST_OF_PRODUCTS:
        smooth, of_r = product_terms(x, r, m, prior)
        value = smooth - r * log1p_t
    else:
        log1p_t = log1p(m / r)
        tail = m / both - log1p_t if m / r > 1e-4 else np.float64(tail)
        smooth, of_r = series_terms(x, r, m)
        value = smooth - r * log1p_t + log(prior)
    return value, (x - m) * r / both, of_r + tail


@over_genes
def negative_binomial_zeros(mean, theta, value, slope, of_theta):  # type: ignore[no-untyped-def]
    """Fill the arrays as if all counts were zero; ``slope`` and ``of_theta`` may be None."""
    for j in range(len(mean)):
        m, r = mean[j], theta[j]
        t = m / r
        log1p_t = elementary.log1p(t)
        value[j] = -r * log1p_t
        if slope is not None:
            slope[j] = -m / (ONE + t)
            of_theta[j] = log1p_tail(t, log1p_t)


@over_genes
def negative_binomial_row(  # type: ignore[no-untyped-def]
    mean, theta, column, count, value, slope, of_theta
):
    """``column`` and ``count`` are the non-zeros; ``slope`` and ``of_theta`` may be None."""
    negative_binomial_zeros(mean, theta, value, slope, of_theta)
    for k in range(len(column)):
        j = column[k]
        if count[k] != 0:
            t = mean[j] / theta[j]
            log1p_t = elementary.log1p(t)
            tail = log1p_tail(t, log1p_t)
            each = positive_count(count[k], mean[j], theta[j], log1p_t, tail, 1.0)
            value[j] = each[0]
            if slope is not None:
                slope[j], of_theta[j] = each[1], each[2]
