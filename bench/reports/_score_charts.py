"""How runs are drawn by their scores: which, where on the axis, in which colour and shape."""

from math import isfinite
from typing import Any

from bench.reports._charts import rounded
from bench.reports._leaderboards import Leaderboard
from bench.reports._rows import Row
from bench.reports._wording import number

MOST_RUNS = 40
"""Runs drawn in one chart; the page says how many were left to the tables."""
KINDS = ("VAE", "baseline", "floor", "ceiling")
COLOURS = ("#2f7fd6", "#d9822b", "#8a8f98", "#8a8f98")
SHAPES = ("circle", "square", "triangle-down", "triangle-up")


def drawn_rows(leaderboard: Leaderboard) -> list[Row]:
    """The best runs of a leaderboard, with all its controls."""
    controls = [r for r in leaderboard.rows if r.kind in ("floor", "ceiling") and r.score.n]
    chosen = [*leaderboard.competitors[: MOST_RUNS - len(controls)], *controls]
    return [row for row in leaderboard.rows if row in chosen]


def mean_point(leaderboard: Leaderboard, row: Row) -> dict[str, Any]:
    """A run's mean and the ends of its interval, on the axis and in words."""
    score, decimals = row.score, leaderboard.decimals
    at, bounds = inside(leaderboard, score.mean), (score.low, score.high)
    bounds = bounds if all(map(isfinite, bounds)) else (score.mean, score.mean)
    return {
        "run": row.run,
        "kind": row.kind,
        "at": at,
        "low": inside(leaderboard, bounds[0]),
        "high": inside(leaderboard, bounds[1]),
        "score": number(score.mean, decimals),
        "n": f"{score.n} of {row.planned}",
        "note": "" if at == rounded(score.mean) else "off the scale",
    }


def inside(leaderboard: Leaderboard, value: float) -> float:
    """A score, or the end of the axis beyond which it lies."""
    return rounded(min(max(value, leaderboard.span[0]), leaderboard.span[1]))


def score_title(leaderboard: Leaderboard) -> str:
    """The metric, its unit and its direction."""
    unit = f", {leaderboard.unit}" if leaderboard.unit else ""
    return f"{leaderboard.metric}{unit} ({leaderboard.better} is better)"


def score_scale(leaderboard: Leaderboard) -> Any:
    """The axis of scores."""
    import altair as alt

    span = [rounded(bound) for bound in leaderboard.span]
    return alt.Scale(domain=span, nice=False, zero=False)


def kind_colour() -> Any:
    """VAEs, baselines and controls by colour."""
    import altair as alt

    scale = alt.Scale(domain=list(KINDS), range=list(COLOURS))
    return alt.Color("kind:N", scale=scale, legend=None)


def kind_shape() -> Any:
    """VAEs, baselines and controls by shape."""
    import altair as alt

    scale = alt.Scale(domain=list(KINDS), range=list(SHAPES))
    return alt.Shape("kind:N", scale=scale, legend=None)


def run_tips(*fields: str) -> list[Any]:
    """What is shown of a run on hover."""
    import altair as alt

    return [alt.Tooltip(f"{name}:N") for name in ("run", "kind", *fields)]
