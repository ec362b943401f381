"""The card a metric file ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal


class NotApplicable(Exception):
    """Raised by a metric that is not defined for the data at hand: no row, and no failure."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Arrays in, float out.  The card a file in ``bench/metrics`` ends with, as ``METRIC``.

    ``score`` takes its arrays by the names in ``needs`` (readout arrays of one seed, answers of
    the task, labels of the scored cells, and what ``parts.scoring.derived`` makes of these) and
    returns one float, never NaN.  Raises :class:`NotApplicable` where the data do not allow it.
    """

    label: str
    score: Callable[..., float]
    needs: frozenset[str]
    better: Literal["higher", "lower"]
    bounds: tuple[float, float] = (-inf, inf)
    unit: str
    sound: bool = True
    """False for a published definition kept for comparison: shown, never ranked by."""
    reference: str
