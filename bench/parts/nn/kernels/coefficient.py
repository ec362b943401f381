"""Terms of the negative binomial for a positive count x, in float64.

    value   log Gamma(x + r) - log Gamma(r) - log x! + x log(mu / (r + mu))
    slope   digamma(x + r) - digamma(r) - x / (r + mu)  =  sum_k<x (mu - k) / ((r + k) (r + mu))

Up to x = 32 the Gamma functions are one product and the slope the sum above, without a
difference of large numbers.  Beyond, log-gamma in float64 for r <= 1e5, and for larger r the
difference of Stirling's series, in which the large terms cancel exactly.  No loop depends on r.
"""

from math import lgamma, log, log1p

import numpy as np

from bench.parts.nn.kernels.compilation import elementwise

MOST_FACTORS, MOST_OF_PRODUCTS = 32, 1e8
"""Largest count and inverse dispersion of the products: they stay in the range of float64."""
LARGE = 1e5
"""Inverse dispersions beyond use the difference of series."""
FACTORIAL = np.cumprod(np.maximum(np.arange(MOST_FACTORS + 1.0), 1))
LOG_FACTORIAL = np.log(FACTORIAL)
LN2 = np.log(2.0)
SQRT_HALF_BITS, EXPONENT_BITS = np.int64(0x3FE6A09E667F3BCD), np.int64(52)


@elementwise
def log_near(x):  # type: ignore[no-untyped-def]
    """log(x) of a positive normal number to 1e-8, faster than the exact one; NaN of NaN."""
    bits = np.float64(x).view(np.int64)
    e = (bits - SQRT_HALF_BITS) >> EXPONENT_BITS
    m = np.int64(bits - (e << EXPONENT_BITS)).view(np.float64) - 1.0
    # atanh series: |s| <= 0.172
    s = m / (2.0 + m) + (x - x)
    z = s * s
    return 2 * s * (1 + z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9))))) + e * LN2


@elementwise
def product_terms(x, r, m, prior):  # type: ignore[no-untyped-def]
    """log(prior) + the value, and the slope, for 0 <= x <= 32 and r <= 1e8."""
    both = r + m
    raised, sums = 1.0, 0.0
    for k in range(int(x)):
        factor = r + k
        sums = sums * factor + raised * (m - k)
        raised *= factor
    value = log_near(raised / FACTORIAL[int(x)] * prior) + x * log_near(m / both)
    return value, sums / (raised * both)


@elementwise
def series_terms(x, r, m):  # type: ignore[no-untyped-def]
    """The value and the slope, for x > 32 or r > 1e8."""
    both = r + x
    if r > LARGE:
        ratio = log1p(x / r)
        difference = x * log(both) + (r - 0.5) * ratio - x + (1 / both - 1 / r) / 12
        slope = ratio - 0.5 * (1 / both - 1 / r) - (1 / both**2 - 1 / r**2) / 12
    else:
        difference = lgamma(both) - lgamma(r)
        slope = _digamma_far(both) - _digamma(r)
    return difference - lgamma(x + 1) + x * log(m / (r + m)), slope - x / (r + m)


@elementwise
def _digamma(r):  # type: ignore[no-untyped-def]
    """digamma(r), by ten steps to the range of the series."""
    below = 0.0
    for k in range(10):
        below += 1 / (r + k)
    return _digamma_far(r + 10) - below


@elementwise
def _digamma_far(r):  # type: ignore[no-untyped-def]
    """The asymptotic series, for r >= 10: error below 1e-15."""
    i = 1 / (r * r)
    series = i * (1 / 12 - i * (1 / 120 - i * (1 / 252 - i * (1 / 240 - i * (1 / 132)))))
    return log(r) - 0.5 / r - series
