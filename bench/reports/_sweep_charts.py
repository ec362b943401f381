"""A metric over one hyperparameter: marginal means of listed values, points of a searched range."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from bench.reports._charts import INK, Spec, finished, rounded
from bench.reports._score_charts import COLOURS
from bench.reports._sweeps import Scale
from bench.results.statistics import Estimate

Span = tuple[float, float]
HEIGHT = 170
"""Of one chart, in pixels."""


def marginal_chart(
    table: pd.DataFrame, marginal: Mapping[Any, Estimate], parameter: str, metric: str, span: Span
) -> Spec:
    """Small points are runs, large ones marginal means with their intervals."""
    import altair as alt

    order = [value_text(value) for value in marginal]
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
    words = f"Marginal means of {metric} by {parameter}"
    return finished(alt.layer(*layers), words, height=HEIGHT)


def point_chart(table: pd.DataFrame, parameter: str, metric: str, span: Span, scale: Scale) -> Spec:
    """A point per run."""
    import altair as alt

    x = alt.X("value:Q", title=None)
    # A logarithmic axis has no zero to be told about.
    sized: dict[str, Any] = {"nice": False, "padding": 8}
    x = x.scale(type="log", **sized) if scale == "log" else x.scale(zero=False, **sized)
    x = x.axis(grid=False, labelOverlap="greedy", labelSeparation=8, tickCount=4)
    words = f"{metric} by {parameter}, by run"
    return finished(alt.layer(_points(table, x, span, 40)), words, height=HEIGHT)


def value_text(value: Any) -> str:
    """A value as it stands on an axis."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _mean(value: Any, one: Estimate) -> dict[str, Any]:
    bounds = (one.low, one.high) if isfinite(one.low) else (one.mean, one.mean)
    low, high = map(rounded, bounds)
    return {"value": value_text(value), "at": rounded(one.mean), "low": low, "high": high}


def _points(table: pd.DataFrame, x: Any, span: Span, size: int = 16) -> Any:
    import altair as alt

    listed = str(x.to_dict()["type"]) == "nominal"
    rows = [
        {"value": value_text(value) if listed else rounded(value), "run": run, "at": rounded(mean)}
        for value, run, mean in table[["value", "run", "mean"]].itertuples(index=False)
    ]
    points = alt.Chart(alt.Data(values=rows))
    points = points.mark_point(filled=True, size=size, opacity=0.5, color=INK)
    return points.encode(x, _y(span), tooltip=["run:N", "value:N", "at:Q"])


def _y(span: Span) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[rounded(end) for end in span], nice=False, zero=False)
    return alt.Y("at:Q", title=None, scale=scale).axis(tickCount=5)
