"""Uncertainty of scores: intervals, paired differences, p-values, scaling.

The unit of replication is a split of a dataset; seeds are nested in it.  A score's mean is the mean
over splits of the mean over their seeds.  Its interval resamples splits with replacement and then,
within each drawn split, seeds; with a single split, the interval resamples seeds only and
reflects the variation of training, not of the choice of cells.

Percentile intervals of n values are too narrow for small n.  They are widened as Hesterberg
(2015, "What teachers should know about the bootstrap", The American Statistician 69:371) does: the
quantile alpha/2 becomes Phi(-sqrt(n / (n - 1)) * t(1 - alpha/2; n - 1)), n the number of
independent units.  Resampled means stay within the range of the values, so for symmetric noise
the coverage is at most 1 - 2 / 2^n, see :func:`most_covered`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import isfinite, nan, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from bench.core.metric import Direction, sign_of
from bench.core.seeds import address, numpy_generator

Floats = NDArray[np.floating[Any]]
Unit = tuple[int, int]
"""(split, seed)."""
Verdict = Literal["better", "tie", "worse", "undecided"]

CONFIDENCE = 0.95
N_RESAMPLES = 10_000
N_EXACT = 12
"""Maximum number of units for all patterns of signs; above it, a random sample of patterns."""
PURPOSE = "report/resampling"
SEED = address(PURPOSE)
"""The seed of every resampling; the report states it."""


class Estimate(NamedTuple):
    """A mean with its spread; ``low`` and ``high`` are NaN for a single value."""

    mean: float
    sd: float
    """Standard deviation over seeds, pooled within splits."""
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """A paired difference; positive values are better."""

    mean: float
    low: float
    high: float
    n: int
    """Number of (split, seed) pairs of both sides."""
    p_value: float
    verdict: Verdict


def estimate(values: Mapping[Unit, float]) -> Estimate:
    """Mean, spread and interval of one score over its splits and seeds."""
    units = sorted(values)
    if not units:
        return Estimate(nan, nan, nan, nan, 0)
    row, splits = np.array([values[unit] for unit in units]), [split for split, _ in units]
    low, high = _interval(row, splits)
    return Estimate(float(np.mean(_per_split(row, splits))), _sd(row, splits), low, high, len(row))


def difference(
    ours: Mapping[Unit, float], theirs: Mapping[Unit, float], better: Direction
) -> Difference:
    """Difference between two runs on the splits and seeds of both."""
    sign = sign_of(better)
    paired = {unit: sign * (ours[unit] - theirs[unit]) for unit in ours.keys() & theirs.keys()}
    mean, _, low, high, n = estimate(paired)
    return Difference(mean, low, high, n, sign_flip(paired), verdict(low, high))


def verdict(low: float, high: float) -> Verdict:
    """``tie`` if the interval contains zero, ``undecided`` without an interval."""
    if not (isfinite(low) and isfinite(high)):
        return "undecided"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "tie"


def sign_flip(values: Mapping[Unit, float]) -> float:
    """Two-sided p-value of a mean of zero, by a sign-flip test.

    The units are splits if there are several, else seeds.  Exact up to :data:`N_EXACT` units; NaN
    without units.
    """
    units = sorted(values)
    if not units:
        return nan
    row = _units_of_replication(np.array([values[u] for u in units]), [split for split, _ in units])
    means = _signs(len(row)) @ row / len(row)
    as_large = np.abs(means) >= abs(row.mean()) * (1 - 1e-12)
    sampled = len(row) > N_EXACT
    return float((as_large.sum() + sampled) / (len(means) + sampled))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) correction over a family; ignores NaN."""
    from statsmodels.stats.multitest import multipletests

    row = np.array(p_values, dtype=float)
    known = np.isfinite(row)
    if known.any():
        row[known] = multipletests(row[known], method="holm")[1]
    return [float(p) for p in row]


def scaled(value: float, floor: float, ceiling: float) -> float:
    """A value scaled between two controls: 0 at the floor, 1 at the ceiling."""
    return (value - floor) / (ceiling - floor)


def resampled_means(values: Mapping[Unit, float]) -> Floats:
    """(:data:`N_RESAMPLES`,) the mean of every resample; runs with the same units share draws."""
    units = sorted(values)
    row = np.array([values[unit] for unit in units])
    return _weights(tuple(split for split, _ in units)) @ row


def smallest_p_value(n_units: int) -> float:
    """The smallest possible result of :func:`sign_flip` for this number of units."""
    return 2.0 / 2**n_units if n_units <= N_EXACT else 1.0 / (N_RESAMPLES + 1)


def most_covered(n_units: int) -> float:
    """The maximum coverage of an interval within the range of this number of values."""
    return 1.0 - 2.0 / 2**n_units


def _interval(row: Floats, splits: Sequence[int]) -> tuple[float, float]:
    n = len(_units_of_replication(row, splits))
    if n < 2:
        return nan, nan
    tail = norm.cdf(-sqrt(n / (n - 1)) * t.ppf((1 + CONFIDENCE) / 2, n - 1))
    low, high = np.quantile(_weights(tuple(splits)) @ row, [tail, 1 - tail])
    # Avoid an interval of positive width by rounding for a deterministic baseline.
    return max(float(low), float(row.min())), min(float(high), float(row.max()))


def _units_of_replication(row: Floats, splits: Sequence[int]) -> Floats:
    return row if len(set(splits)) == 1 else _per_split(row, splits)


def _per_split(row: Floats, splits: Sequence[int]) -> Floats:
    groups = np.asarray(splits)
    return np.array([row[groups == split].mean() for split in np.unique(groups)])


def _sd(row: Floats, splits: Sequence[int]) -> float:
    groups = np.asarray(splits)
    parts = [row[groups == split] for split in np.unique(groups)]
    variances = [part.var(ddof=1) for part in parts if len(part) > 1]
    return sqrt(float(np.mean(variances))) if variances else nan


@lru_cache(maxsize=64)
def _weights(splits: tuple[int, ...]) -> Floats:
    """(resample, unit) weights with sum one: sampled splits, then sampled seeds in each of them."""
    generator = numpy_generator(PURPOSE)
    groups = np.asarray(splits)
    members = [np.flatnonzero(groups == split) for split in np.unique(groups)]
    weights = np.zeros((N_RESAMPLES, len(splits)))
    every = np.arange(N_RESAMPLES)
    for _ in members:
        sampled = generator.integers(len(members), size=N_RESAMPLES)
        for number, of_split in enumerate(members):
            n = len(of_split)
            here = every[sampled == number]
            counts = generator.multinomial(n, np.full(n, 1 / n), size=len(here))
            weights[np.ix_(here, of_split)] += counts / n / len(members)
    return weights


@lru_cache(maxsize=64)
def _signs(n: int) -> Floats:
    """(pattern, unit) of ±1: all patterns, or a random sample of :data:`N_RESAMPLES`."""
    if n <= N_EXACT:
        return np.array(list(product([1.0, -1.0], repeat=n)))
    return numpy_generator(PURPOSE, "signs").choice([1.0, -1.0], size=(N_RESAMPLES, n))
