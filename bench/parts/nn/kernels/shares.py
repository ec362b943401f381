"""Means of a row from its logits, and gradients from means back to logits.

    mu_j = l softmax(a)_j + floor

With h_j = mu_j d/d mu_j and c_j = h_j l share_j / mu_j, the gradients are d a_j = c_j - share_j
sum_k c_k and d l = sum_k c_k / l.  The first is a difference: its error is relative to its larger
term.  Means are no smaller than 1e-37.
"""

import numpy as np

from bench.parts.nn.kernels.compilation import over_genes
from bench.parts.nn.kernels.elementary import exp

SMALLEST = np.float32(1e-37)
SIGN, MAGNITUDE = np.int32(31), np.int32(0x7FFFFFFF)


@over_genes
def _largest(logits):  # type: ignore[no-untyped-def]
    """The largest logit, found among whole numbers of the same order: the maximum of floats is
    vectorised only if NaN is ruled out."""
    top = np.int32(-0x80000000)
    for j in range(len(logits)):
        bits = np.float32(logits[j]).view(np.int32)
        key = np.int32(bits ^ np.int32(np.int32(bits >> SIGN) & MAGNITUDE))
        top = key if key > top else top
    return np.int32(top ^ np.int32(np.int32(top >> SIGN) & MAGNITUDE)).view(np.float32)


@over_genes
def means_of_shares(logits, library, floor, share, mean):  # type: ignore[no-untyped-def]
    """Fill (gene,) share and mean."""
    top = _largest(logits)
    total = np.float32(0)
    for j in range(len(logits)):
        each = exp(logits[j] - top)
        share[j] = each
        total += each
    scale = np.float32(1) / total
    for j in range(len(logits)):
        share[j] *= scale
        m = library * share[j] + floor
        mean[j] = SMALLEST if m < SMALLEST else m


@over_genes
def slopes_of_logits(share, mean, library, slope):  # type: ignore[no-untyped-def]
    """Replace (gene,) h by d a; returns d l."""
    total = np.float32(0)
    for j in range(len(share)):
        part = slope[j] / mean[j] * share[j]
        total += part
        slope[j] = part * library
    for j in range(len(share)):
        slope[j] -= share[j] * (total * library)
    return total


@over_genes
def copied_means(rates, mean):  # type: ignore[no-untyped-def]
    """Fill (gene,) mean."""
    for j in range(len(rates)):
        mean[j] = SMALLEST if rates[j] < SMALLEST else rates[j]


@over_genes
def slopes_of_means(mean, slope):  # type: ignore[no-untyped-def]
    """Replace (gene,) h by d mu."""
    for j in range(len(mean)):
        slope[j] /= mean[j]


@over_genes
def scaled(values, weight):  # type: ignore[no-untyped-def]
    """Multiply (gene,) values by the weights."""
    for j in range(len(values)):
        values[j] *= weight[j]


@over_genes
def total_of(values):  # type: ignore[no-untyped-def]
    """Sum of (gene,) values, in float64."""
    total = np.float64(0)
    for j in range(len(values)):
        total += values[j]
    return total
