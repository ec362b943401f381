"""One row of zero-inflated negative binomial counts, with p = sigmoid(dropout logit q).

    x = 0    log(p + (1 - p) n),   n = (1 + mu / r)^-r
    x > 0    log(1 - p) + the log-probability of the negative binomial

At zero the logarithm is log(1 - (1 - p)(1 - n)) where its argument is close to one.  If q and
log n are both below -40, both terms are scaled by the larger of them.  Filled, (gene,) each:
``value``, ``slope`` = mu d/d mu, ``of_theta`` = d/d r and ``of_dropout`` = d/d q.
"""

import numpy as np

from bench.parts.nn.kernels.compilation import elementwise, over_genes
from bench.parts.nn.kernels.elementary import (
    LOWEST,
    ONE,
    ZERO,
    exp,
    exp_and_less_one,
    log1p,
    log1p_tail,
    log_with,
)
from bench.parts.nn.kernels.negative_binomial import negative_binomial_zeros, positive_count

RARE = np.float32(-40)


@elementwise
def zero_count(q, log_n):  # type: ignore[no-untyped-def]
    """log(p + (1 - p) n), the share (1 - p) n of it, and d/d q."""
    larger = q if q > log_n else log_n
    is_rare = larger < RARE
    shift = -larger if is_rare else ZERO
    e = exp(-abs(q) + shift)
    n, n_less_one = exp_and_less_one(log_n + shift)
    n = ZERO if log_n + shift < LOWEST else n
    n_less_one = -ONE if is_rare else n_less_one
    near = ONE / (ONE + (ZERO if is_rare else e))
    far = e * near
    dropped = near if q > ZERO else far
    kept = far if q > ZERO else near
    total = dropped + kept * n
    difference, missing = kept * n_less_one, total - ONE
    inverse = ONE / total
    value = log_with(total, missing if is_rare else difference) - shift
    return value, kept * n * inverse, -dropped * difference * inverse


@over_genes
def zero_inflated_row(  # type: ignore[no-untyped-def]
    mean, theta, dropout, column, count, value, slope, of_theta, of_dropout
):
    """``column`` and ``count`` are the non-zeros; the last three may be None."""
    negative_binomial_zeros(mean, theta, value, slope, of_theta)
    for j in range(len(mean)):
        each, weight, of_q = zero_count(dropout[j], value[j])
        value[j] = each
        if slope is not None:
            slope[j] *= weight
            of_theta[j] *= weight
            of_dropout[j] = of_q
    for k in range(len(column)):
        j = column[k]
        if count[k] != 0:
            q, t = dropout[j], mean[j] / theta[j]
            e = exp(-abs(q))
            near = ONE / (ONE + e)
            kept = e * near if q > ZERO else near
            log1p_t = log1p(t)
            tail = log1p_tail(t, log1p_t)
            found = positive_count(count[k], mean[j], theta[j], log1p_t, tail, np.float64(kept))
            value[j] = found[0]
            if slope is not None:
                slope[j], of_theta[j] = found[1], found[2]
                of_dropout[j] = -near if q > ZERO else -e * near
