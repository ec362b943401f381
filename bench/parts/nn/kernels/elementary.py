"""Elementary functions in float32, without branches, for loops that the compiler vectorises.

Relative errors are below 3e-7 (tests).  NaN in gives NaN out.  Source of the polynomials: Cephes
(``expf``, ``logf``).
"""

import numpy as np

from bench.parts.nn.kernels.compilation import elementwise

ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
LOG2_E = np.float32(1.44269504088896341)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOWEST, HIGHEST = np.float32(-87), np.float32(88)
"""Arguments of exp outside of this range are moved into it, so that results are normal numbers."""

E0, E1, E2, E3, E4, E5 = np.array(
    [
        *(1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3),
        *(4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    ],
    np.float32,
)
L0, L1, L2, L3, L4, L5, L6, L7, L8 = np.array(
    [
        *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1),
        *(-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1),
        *(2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    ],
    np.float32,
)
S2, S3, S4, S5, S6, S7, S8, S9, S10 = np.array(
    [(-1) ** (n + 1) * (n - 1) / n for n in range(2, 11)], np.float32
)
SMALL = np.float32(0.1)
SQRT_HALF_BITS, EXPONENT_BITS, BIAS = np.int32(0x3F3504F3), np.int32(23), np.int32(127)


@elementwise
def exp_and_less_one(x):  # type: ignore[no-untyped-def]
    """exp(x) and exp(x) - 1, for x in [-87, 88].

    Polynomials are summed in pairs (Estrin): a chain of dependent operations is what costs time.
    """
    # Comparisons in this order keep NaN.
    x = LOWEST if x < LOWEST else x
    x = HIGHEST if x > HIGHEST else x
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_LOW
    z = r * r
    p = (E0 * r + E1) * (z * z) + ((E2 * r + E3) * z + (E4 * r + E5))
    rest = p * z + r
    power = np.int32(np.int32(np.int32(n) + BIAS) << EXPONENT_BITS).view(np.float32)
    return (rest + ONE) * power, rest * power + (power - ONE)


@elementwise
def exp(x):  # type: ignore[no-untyped-def]
    """exp(x), for x in [-87, 88]."""
    return exp_and_less_one(x)[0]


@elementwise
def _log_of_parts(m, e):  # type: ignore[no-untyped-def]
    """log((1 + m) 2^e)."""
    z = m * m
    far, near = L0 * z + (L1 * m + L2), (L3 * m + L4) * z + (L5 * m + L6)
    p = (far * (z * z) + near) * z + (L7 * m + L8)
    return (m + (m * z * p + e * LN2_LOW - HALF * z)) + e * LN2_HIGH


@elementwise
def log_with(x, less_one):  # type: ignore[no-untyped-def]
    """log(x) of a positive normal number, given x - 1 as well, which may be more exact."""
    bits = np.float32(x).view(np.int32)
    e = np.int32(np.int32(bits - SQRT_HALF_BITS) >> EXPONENT_BITS)
    m = np.int32(bits - np.int32(e << EXPONENT_BITS)).view(np.float32) - ONE
    m = less_one if e == 0 else m
    return _log_of_parts(m, np.float32(e)) + (x - x)


@elementwise
def log(x):  # type: ignore[no-untyped-def]
    """log(x) of a positive normal number."""
    return log_with(x, x - ONE)


@elementwise
def log1p(t):  # type: ignore[no-untyped-def]
    """log(1 + t), for t >= 0."""
    return log_with(ONE + t, t)


@elementwise
def log1p_tail(t, log1p_t):  # type: ignore[no-untyped-def]
    """t / (1 + t) - log(1 + t), for t >= 0; a power series where the two nearly cancel."""
    z = t * t
    far, near = S10 * z + (S9 * t + S8), (S7 * t + S6) * z + (S5 * t + S4)
    p = (far * (z * z) + near) * z + (S3 * t + S2)
    plain = t / (ONE + t) - log1p_t
    return p * z if t < SMALL else plain
