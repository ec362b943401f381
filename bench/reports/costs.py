"""Cost against quality: the mean score over the seconds it took to train.

The runs that no cheaper run beats are joined by a line and named.
"""

from collections.abc import Sequence
from math import log, nan
from typing import Any, Literal

from bench.core.metric import sign_of
from bench.core.section import Section
from bench.reports._charts import INK, Spec, finished, rounded
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._score_charts import (
    drawn_rows,
    kind_colour,
    kind_shape,
    mean_point,
    run_tips,
    score_scale,
)


def content(report: StudyReport) -> dict[str, Any]:
    """A chart per leaderboard, where a competitor has a score and a training time."""
    charts = {one.key: cost_chart(one) for one in report.leaderboards}
    return {"tasks": report.tasks, "charts": charts}


def cost_chart(leaderboard: Leaderboard) -> Spec | None:
    """Scores and costs of one leaderboard; None where no competitor has both."""
    import altair as alt

    shown = [r for r in drawn_rows(leaderboard) if r.competes and r.costs["train_seconds"] > 0]
    if not shown:
        return None
    rows = [mean_point(leaderboard, row) | {"seconds": _seconds(row)} for row in shown]
    _name(rows, _front(leaderboard, shown), leaderboard.span)
    data = alt.Data(values=rows)
    axis_x = alt.X("seconds:Q", title="training, seconds (log scale)")
    axis_x = axis_x.scale(type="log", padding=24, nice=False)
    axis_y = alt.Y("at:Q", title=None, scale=score_scale(leaderboard))
    steps = alt.Chart(data).transform_filter("datum.front")
    # Cheaper is left: the front is a staircase that only ever gets better to the right.
    stair = steps.mark_line(interpolate="step-after", strokeDash=[3, 3], color=INK, opacity=0.45)
    spread = alt.Chart(data).mark_rule(strokeWidth=1.5, opacity=0.7)
    points = alt.Chart(data).mark_point(filled=True, size=70, opacity=1)
    layers = [
        stair.encode(axis_x, axis_y, order="seconds:Q"),
        spread.encode(axis_x, alt.Y("low:Q"), kind_colour(), y2="high:Q"),
        points.encode(
            axis_x, axis_y, kind_colour(), kind_shape(), tooltip=run_tips("score", "seconds")
        ),
        *(
            _names(data, side, leaderboard).encode(axis_x, axis_y, text="run:N")
            for side in sorted({row["side"] for row in rows} - {""})
        ),
    ]
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    words = f"Score against training seconds of {len(shown)} runs on {where}"
    return finished(alt.layer(*layers), words, height=240)


def _seconds(row: Row) -> float:
    return rounded(row.costs["train_seconds"])


def _name(rows: Sequence[dict[str, Any]], front: Sequence[Row], span: tuple[float, float]) -> None:
    """Mark the front, and the side its names are written on; names that would touch are left out.

    Best first, so that it is the better of two that keeps its name.
    """
    best_first = [row.run for row in reversed(front)]
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


def _names(data: Any, side: Any, leaderboard: Leaderboard) -> Any:
    import altair as alt

    here = alt.Chart(data).transform_filter(f"datum.side == '{side}'")
    align: Literal["left", "right"] = "right" if side == "left" else "left"
    away = -8 if side == "left" else 8
    # On the better side of the point, where the staircase is not.
    return here.mark_text(
        align=align,
        dx=away,
        dy=-9 if leaderboard.better == "higher" else 10,
        fontSize=11,
        fill=INK,
    )


def _front(leaderboard: Leaderboard, shown: Sequence[Row]) -> list[Row]:
    sign, best, front = sign_of(leaderboard.better), float("-inf"), []
    for row in sorted(shown, key=lambda r: (r.costs["train_seconds"], -sign * r.score.mean, r.run)):
        if sign * row.score.mean > best:
            best = sign * row.score.mean
            front.append(row)
    return front


SECTION = Section(title="Cost against quality", order=80, content=content)
