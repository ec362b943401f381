"""Scores by model and dataset: a point per seed, the mean and its interval, best run on top."""

from typing import Any

from bench.core.section import Section
from bench.reports._charts import Spec, finished
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._score_charts import (
    MOST_RUNS,
    drawn_rows,
    inside,
    kind_colour,
    kind_shape,
    mean_point,
    run_tips,
    score_scale,
    score_title,
)


def content(report: StudyReport) -> dict[str, Any]:
    """A chart per leaderboard."""
    charts = {one.key: score_chart(one) for one in report.leaderboards}
    return {"tasks": report.tasks, "charts": charts, "most_runs": MOST_RUNS}


def score_chart(leaderboard: Leaderboard) -> Spec:
    """Scores of one leaderboard."""
    import altair as alt

    shown = drawn_rows(leaderboard)
    means = alt.Data(values=[mean_point(leaderboard, row) for row in shown])
    seeds = alt.Data(values=[point for row in shown for point in _seeds(leaderboard, row)])
    order = alt.Y("run:N", sort=[row.run for row in shown], title=None)
    order = order.axis(labelLimit=170, labelPadding=9, ticks=False, domain=False, grid=True)
    axis = alt.X("at:Q", title=None, scale=score_scale(leaderboard)).axis(
        tickCount=5, labelOverlap="greedy", labelSeparation=10
    )
    interval = alt.Chart(means).mark_rule(strokeWidth=2.5, strokeCap="round")
    mean = alt.Chart(means).mark_point(filled=True, size=70, opacity=1)
    layers = [
        alt.Chart(seeds)
        .mark_point(filled=True, size=16, opacity=0.4, clip=True)
        .encode(axis, order, kind_colour()),
        interval.encode(alt.X("low:Q"), order, kind_colour(), x2="high:Q"),
        mean.encode(
            axis, order, kind_colour(), kind_shape(), tooltip=run_tips("score", "n", "note")
        ),
    ]
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    words = f"Scores of {len(shown)} runs on {where}: {score_title(leaderboard)}"
    return finished(alt.layer(*layers), words, height=20 * max(len(shown), 2))


def _seeds(leaderboard: Leaderboard, row: Row) -> list[dict[str, Any]]:
    values = dict.fromkeys(inside(leaderboard, value) for _, value in sorted(row.values.items()))
    return [{"run": row.run, "kind": row.kind, "at": value} for value in values]


SECTION = Section(title="Scores by model and dataset", order=60, content=content)
