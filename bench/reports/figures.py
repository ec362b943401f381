"""Scores by run, and scores by cost: one small chart per leaderboard, as Vega-Lite."""

from collections.abc import Sequence
from math import isfinite, log, nan
from typing import Any, Literal

from bench.reports.answer import decimals
from bench.reports.standings import Board, Standing
from bench.reports.wording import number

MOST_RUNS = 40
"""Runs drawn in one chart; the page says how many were left to the tables."""
KINDS = ("VAE", "baseline", "floor", "ceiling")
COLOURS = ("#2f7fd6", "#d9822b", "#8a8f98", "#8a8f98")
SHAPES = ("circle", "square", "triangle-down", "triangle-up")
INK = "currentColor"
"""Text and axes take the page's colour, so that one chart serves light and dark."""

Spec = dict[str, Any]


def drawn(board: Board) -> list[Standing]:
    """The best runs of a leaderboard, with all its controls."""
    controls = [s for s in board.standings if s.kind in ("floor", "ceiling") and s.score.n]
    kept = [*board.competitors[: MOST_RUNS - len(controls)], *controls]
    return [s for s in board.standings if s in kept]


def scores(board: Board) -> Spec:
    """A point per seed, the mean and its interval, best run on top."""
    import altair as alt

    shown = drawn(board)
    means = alt.Data(values=[_mean(board, standing) for standing in shown])
    seeds = alt.Data(values=[point for standing in shown for point in _seeds(board, standing)])
    order = alt.Y("run:N", sort=[s.run for s in shown], title=None)
    order = order.axis(labelLimit=170, labelPadding=9, ticks=False, domain=False, grid=True)
    axis = alt.X("at:Q", title=None, scale=_scale(board.span)).axis(
        tickCount=5, labelOverlap="greedy", labelSeparation=10
    )
    interval = alt.Chart(means).mark_rule(strokeWidth=2.5, strokeCap="round")
    mean = alt.Chart(means).mark_point(filled=True, size=70, opacity=1)
    layers = [
        alt.Chart(seeds)
        .mark_point(filled=True, size=16, opacity=0.4, clip=True)
        .encode(axis, order, _colour()),
        interval.encode(alt.X("low:Q"), order, _colour(), x2="high:Q"),
        mean.encode(axis, order, _colour(), _shape(), tooltip=_tips("score", "n", "note")),
    ]
    words = f"Scores of {len(shown)} runs on {board.dataset}, {board.task}: {_title(board)}"
    return _finished(alt.layer(*layers), words, height=20 * max(len(shown), 2))


def costs(board: Board) -> Spec | None:
    """The mean score over the seconds it took to train; the runs no cheaper one beats are named."""
    import altair as alt

    shown = [s for s in drawn(board) if s.competes and s.costs["train_seconds"] > 0]
    if not shown:
        return None
    rows = [_mean(board, s) | {"seconds": _round(s.costs["train_seconds"])} for s in shown]
    _name(rows, _front(board, shown), board.span)
    data = alt.Data(values=rows)
    axis_x = alt.X("seconds:Q", title="training, seconds (log scale)")
    axis_x = axis_x.scale(type="log", padding=24, nice=False)
    axis_y = alt.Y("at:Q", title=None, scale=_scale(board.span))
    steps = alt.Chart(data).transform_filter("datum.front")
    # Cheaper is left: the front is a staircase that only ever gets better to the right.
    stair = steps.mark_line(interpolate="step-after", strokeDash=[3, 3], color=INK, opacity=0.45)
    spread = alt.Chart(data).mark_rule(strokeWidth=1.5, opacity=0.7)
    points = alt.Chart(data).mark_point(filled=True, size=70, opacity=1)
    layers = [
        stair.encode(axis_x, axis_y, order="seconds:Q"),
        spread.encode(axis_x, alt.Y("low:Q"), _colour(), y2="high:Q"),
        points.encode(axis_x, axis_y, _colour(), _shape(), tooltip=_tips("score", "seconds")),
        *(
            _names(data, side, board).encode(axis_x, axis_y, text="run:N")
            for side in sorted({row["side"] for row in rows} - {""})
        ),
    ]
    words = f"Score against training seconds of {len(shown)} runs on {board.dataset}, {board.task}"
    return _finished(alt.layer(*layers), words, height=240)


def _mean(board: Board, standing: Standing) -> dict[str, Any]:
    score, places = standing.score, decimals(board)
    at, bounds = _inside(board, score.mean), (score.low, score.high)
    bounds = bounds if all(map(isfinite, bounds)) else (score.mean, score.mean)
    return {
        "run": standing.run,
        "kind": standing.kind,
        "at": at,
        "low": _inside(board, bounds[0]),
        "high": _inside(board, bounds[1]),
        "score": number(score.mean, places),
        "n": f"{score.n} of {standing.planned}",
        "note": "" if at == _round(score.mean) else "off the scale",
    }


def _seeds(board: Board, standing: Standing) -> list[dict[str, Any]]:
    values = dict.fromkeys(_inside(board, value) for _, value in sorted(standing.values.items()))
    return [{"run": standing.run, "kind": standing.kind, "at": value} for value in values]


def _name(
    rows: Sequence[dict[str, Any]], front: Sequence[Standing], span: tuple[float, float]
) -> None:
    """Mark the front, and the side its names are written on; names that would touch are left out.

    Best first, so that it is the better of two that keeps its name.
    """
    best_first = [standing.run for standing in reversed(front)]
    spots = {row["run"]: (log(row["seconds"]), row["at"]) for row in rows}
    start = min(x for x, _ in spots.values())
    width = max(x for x, _ in spots.values()) - start or 1.0
    named: dict[str, tuple[float, float]] = {}
    for run in best_first:
        x, y = (spots[run][0] - start) / width, spots[run][1] / (span[1] - span[0])
        if all(abs(x - a) > 0.4 or abs(y - b) > 0.08 for a, b in named.values()):
            named[run] = (x, y)
    for row in rows:
        x = named.get(row["run"], (nan, nan))[0]
        row["front"] = row["run"] in best_first
        row["side"] = "left" if x > 0.5 else "right" if x <= 0.5 else ""


def _names(data: Any, side: Any, board: Board) -> Any:
    import altair as alt

    here = alt.Chart(data).transform_filter(f"datum.side == '{side}'")
    align: Literal["left", "right"] = "right" if side == "left" else "left"
    away = -8 if side == "left" else 8
    # On the better side of the point, where the staircase is not.
    return here.mark_text(
        align=align, dx=away, dy=-9 if board.sign > 0 else 10, fontSize=11, fill=INK
    )


def _front(board: Board, shown: Sequence[Standing]) -> list[Standing]:
    sign, best, front = board.sign, float("-inf"), []
    for standing in sorted(
        shown, key=lambda s: (s.costs["train_seconds"], -sign * s.score.mean, s.run)
    ):
        if sign * standing.score.mean > best:
            best = sign * standing.score.mean
            front.append(standing)
    return front


def _inside(board: Board, value: float) -> float:
    return _round(min(max(value, board.span[0]), board.span[1]))


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _title(board: Board) -> str:
    unit = f", {board.unit}" if board.unit else ""
    return f"{board.metric}{unit} ({board.better} is better)"


def _scale(span: tuple[float, float]) -> Any:
    import altair as alt

    return alt.Scale(domain=[_round(bound) for bound in span], nice=False, zero=False)


def _colour() -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(KINDS), range=list(COLOURS))
    return alt.Color("kind:N", scale=scale, legend=None)


def _shape() -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(KINDS), range=list(SHAPES))
    return alt.Shape("kind:N", scale=scale, legend=None)


def _tips(*fields: str) -> list[Any]:
    import altair as alt

    return [alt.Tooltip(f"{name}:N") for name in ("run", "kind", *fields)]


def _finished(chart: Any, description: str, height: int) -> Spec:
    spec: Spec = chart.properties(width="container", height=height).to_dict(validate=False)
    return without_theme(spec) | {"description": description, "config": style()}


def without_theme(spec: Spec) -> Spec:
    """A chart without the theme and the schema address that altair adds."""
    return {key: value for key, value in spec.items() if key not in ("config", "$schema")}


def style() -> Spec:
    """Quiet axes in the page's own ink."""
    axis = {
        "labelColor": INK,
        "titleColor": INK,
        "tickColor": INK,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "titleFontWeight": "normal",
        "titleOpacity": 0.8,
        "labelFontSize": 11,
        "titleFontSize": 11,
    }
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": axis,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
