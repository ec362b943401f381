"""Differences to the reference of the study, metric by metric.

:mod:`bench.results.differences` computes them.  The first metric is drawn: a point and its interval
per run; all are in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.core.section import Section
from bench.reports._charts import INK, Spec, finished, rounded
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._wording import decimals_for, interval, signed
from bench.results.differences import compared_metrics, run_of
from bench.results.statistics import Verdict, verdict
from bench.results.tables import Results

MOST_ROWS = 100
"""Rows of one table."""
MOST_RUNS = 40
"""Runs of one figure: the best ones."""
COLOURS = {"better": "#2a9d78", "worse": "#d64a3a", "tie": "#8a8f98", "undecided": "#8a8f98"}


class Paired(NamedTuple):
    """One run against the reference."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> Verdict:
        """As everywhere on the page."""
        return verdict(self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class ReferenceDifferences:
    """All differences on one dataset and task."""

    leaderboard: Leaderboard
    reference: str
    """The label in the study."""
    run: str
    """The run that it is here; empty where it has no score."""
    metrics: list[dict[str, Any]]
    """metric, label, unit, better and the decimals to show; the first one is drawn."""
    rows: list[tuple[Row, list[Paired | None]]]
    """A run, and its differences in the order of the metrics."""
    spec: Spec | None


def content(report: StudyReport) -> dict[str, Any]:
    """Nothing where the study names no reference."""
    found = panels(report.results, report.leaderboards)
    return {"panels": found, "most_rows": MOST_ROWS} if found else {}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[ReferenceDifferences]:
    """Those of every leaderboard; none where the study names no reference."""
    reference = str(results.resolved.get("reference") or "")
    return [_panel(results, reference, one) for one in leaderboards] if reference else []


def _panel(results: Results, reference: str, leaderboard: Leaderboard) -> ReferenceDifferences:
    table = results.differences
    at = (table["dataset"] == leaderboard.dataset) & (table["task"] == leaderboard.task)
    found: dict[str, dict[str, Paired]] = {}
    columns = ["metric", "run", "difference", "low", "high", "n"]
    for metric, run, mean, low, high, n in table.loc[at, columns].itertuples(index=False):
        found.setdefault(metric, {})[run] = Paired(mean, low, high, int(n))
    names = [name for name in compared_metrics(results, leaderboard.metric) if name in found]
    metrics = [_described(results, name, found[name]) for name in names]
    rows = [row for row in leaderboard.rows if any(row.run in found[name] for name in names)]
    return ReferenceDifferences(
        leaderboard=leaderboard,
        reference=reference,
        run=run_of(results, reference, leaderboard.dataset, leaderboard.task),
        metrics=metrics,
        rows=[(row, [found[name].get(row.run) for name in names]) for row in rows],
        spec=_chart(leaderboard, reference, metrics[0], found[names[0]]) if metrics else None,
    )


def _described(results: Results, metric: str, found: Mapping[str, Paired]) -> dict[str, Any]:
    halves = [(one.high - one.low) / 2 for one in found.values()]
    facts = {column: results.fact(metric, column) for column in ("label", "unit")}
    decimals = decimals_for(halves, [one.mean for one in found.values()])
    return {"metric": metric, "better": results.better(metric), "decimals": decimals, **facts}


def _chart(
    leaderboard: Leaderboard,
    reference: str,
    metric: Mapping[str, Any],
    found: Mapping[str, Paired],
) -> Spec:
    """A point and its interval per run, best first; the line is the reference."""
    import altair as alt

    runs = [row.run for row in leaderboard.rows if row.run in found][:MOST_RUNS]
    rows = [_point(run, found[run], int(metric["decimals"])) for run in runs]
    data = alt.Data(values=rows)
    order = alt.Y("run:N", sort=runs, title=None)
    order = order.axis(labelLimit=170, labelPadding=9, ticks=False, domain=False, grid=True)
    axis = alt.X("at:Q", title=None).scale(zero=True, padding=12)
    axis = axis.axis(tickCount=5, labelOverlap="greedy", labelSeparation=10)
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    colour = alt.Color("verdict:N", scale=scale, legend=None)
    tips = [alt.Tooltip(f"{name}:N") for name in ("run", "difference", "interval", "verdict")]
    # The axis holds zero: there the reference is.
    zero = alt.Chart(alt.Data(values=[{"at": 0}])).mark_rule(color=INK, opacity=0.6)
    interval_rule = alt.Chart(data).mark_rule(strokeWidth=2.5, strokeCap="round")
    points = alt.Chart(data).mark_point(filled=True, size=70, opacity=1)
    layers = [
        zero.encode(alt.X("at:Q")),
        interval_rule.encode(alt.X("low:Q"), order, colour, x2="high:Q"),
        points.encode(axis, order, colour, tooltip=tips),
    ]
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    words = f"Difference in {metric['metric']} to {reference} on {where}"
    return finished(alt.layer(*layers), words, height=20 * max(len(runs), 2))


def _point(run: str, one: Paired, decimals: int) -> dict[str, Any]:
    known = one.verdict != "undecided"
    ends = (one.low, one.high) if known else (one.mean, one.mean)
    at, low, high = map(rounded, (one.mean, *ends))
    cells = {"difference": signed(one.mean, decimals), "verdict": one.verdict}
    cells["interval"] = interval(one.low, one.high, decimals)
    return {"run": run, "at": at, "low": low, "high": high, **cells}


SECTION = Section(title="Differences to the reference", order=90, content=content)
