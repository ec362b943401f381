"""A metric over one hyperparameter: marginal means of listed values, points of a searched range."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from bench.reports.figures import COLOURS, INK, Spec, style, without_theme
from bench.reports.swept import Scale
from bench.results.statistics import Estimate

Span = tuple[float, float]


def marginal_chart(
    table: pd.DataFrame, marginal: Mapping[Any, Estimate], parameter: str, metric: str, span: Span
) -> Spec:
    """Small points are runs, large ones marginal means with their intervals."""
    import altair as alt

    order = [said(value) for value in marginal]
    x = alt.X("value:N", sort=order, title=None).scale(domain=order)
    x = x.axis(labelAngle=0, labelOverlap="greedy", grid=False, labelLimit=90)
    means = alt.Chart(alt.Data(values=[_mean(v, one) for v, one in marginal.items()]))
    layers = [
        _points(table, x, span),
        means.mark_line(color=COLOURS[0], opacity=0.35, strokeWidth=1.5).encode(x, _y(span)),
        means.mark_rule(color=COLOURS[0], strokeWidth=2.5, strokeCap="round").encode(
            x, alt.Y("low:Q"), y2="high:Q"
        ),
        means.mark_point(filled=True, size=60, opacity=1, color=COLOURS[0]).encode(
            x, _y(span), tooltip=["value:N", "at:Q", "low:Q", "high:Q"]
        ),
    ]
    return _finished(alt.layer(*layers), f"Marginal means of {metric} by {parameter}")


def point_chart(table: pd.DataFrame, parameter: str, metric: str, span: Span, scale: Scale) -> Spec:
    """A point per run."""
    import altair as alt

    x = alt.X("value:Q", title=None)
    # A logarithmic axis has no zero to be told about.
    sized: dict[str, Any] = {"nice": False, "padding": 8}
    x = x.scale(type="log", **sized) if scale == "log" else x.scale(zero=False, **sized)
    x = x.axis(grid=False, labelOverlap="greedy", labelSeparation=8, tickCount=4)
    return _finished(alt.layer(_points(table, x, span, 40)), f"{metric} by {parameter}, by run")


def said(value: Any) -> str:
    """A value as it stands on an axis."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _mean(value: Any, one: Estimate) -> dict[str, Any]:
    bounds = (one.low, one.high) if isfinite(one.low) else (one.mean, one.mean)
    low, high = map(_round, bounds)
    return {"value": said(value), "at": _round(one.mean), "low": low, "high": high}


def _points(table: pd.DataFrame, x: Any, span: Span, size: int = 16) -> Any:
    import altair as alt

    listed = str(x.to_dict()["type"]) == "nominal"
    rows = [
        {"value": said(value) if listed else _round(value), "run": run, "at": _round(mean)}
        for value, run, mean in table[["value", "run", "mean"]].itertuples(index=False)
    ]
    points = alt.Chart(alt.Data(values=rows))
    points = points.mark_point(filled=True, size=size, opacity=0.5, color=INK)
    return points.encode(x, _y(span), tooltip=["run:N", "value:N", "at:Q"])


def _y(span: Span) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[_round(end) for end in span], nice=False, zero=False)
    return alt.Y("at:Q", title=None, scale=scale).axis(tickCount=5)


def _finished(chart: Any, description: str) -> Spec:
    spec: Spec = chart.properties(width="container", height=170).to_dict(validate=False)
    return without_theme(spec) | {"description": description, "config": style()}


def _round(value: float) -> float:
    return float(f"{value:.6g}")
