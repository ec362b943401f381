"""The two controls that scores of a leaderboard are scaled between."""

from collections.abc import Sequence
from math import isfinite
from statistics import median
from typing import Literal

from bench.reports._rows import Row


def control_of(
    rows: Sequence[Row], kind: Literal["floor", "ceiling"], preferred: Sequence[str]
) -> Row | None:
    """The scored control of this kind whose model comes first; those not preferred come last."""
    order = {model: rank for rank, model in enumerate(preferred)}
    known = [row for row in rows if row.score.n and row.kind == kind]
    known.sort(key=lambda row: (order.get(row.model, len(order)), row.run))
    return known[0] if known else None


def tell_apart(rows: Sequence[Row], floor: Row | None, ceiling: Row | None, sign: float) -> bool:
    """Whether the controls lie further apart than seeds scatter; true where one is missing."""
    if floor is None or ceiling is None:
        return True
    gap = sign * (ceiling.score.mean - floor.score.mean)
    scatter = [row.score.sd for row in rows if row.kind == "VAE" and isfinite(row.score.sd)]
    rounding = 1e-9 * max(abs(ceiling.score.mean), abs(floor.score.mean))
    return gap > max(2 * median(scatter) if scatter else 0.0, rounding)
