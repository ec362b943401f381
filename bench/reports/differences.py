"""Every run against the one run that the study names as its reference, metric by metric.

    difference = mean over splits of the mean over seeds of (run - reference)

on the splits and seeds that both have, turned so that positive is better, in the metric's own unit,
with the interval of :mod:`bench.results.statistics`.  Sound metrics only: the importance-weighted
bound first, then what ranks, then the others.  Where a search is the reference, that is the trial
it selected on each dataset.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from bench.core.rows import DIFFERENCES
from bench.reports.figures import INK, Spec, style, without_theme
from bench.reports.standings import BOUNDS, Board
from bench.reports.wording import decimals_for, interval, signed
from bench.results.statistics import Verdict, difference, verdict
from bench.results.tables import Results

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
class Panel:
    """All differences on one dataset and task."""

    board: Board
    reference: str
    """The label in the study."""
    run: str
    """The run that it is here; empty where it has no score."""
    metrics: list[dict[str, Any]]
    """metric, label, unit, better and the decimals to show; the first one is drawn."""
    rows: list[tuple[Any, list[Paired | None]]]
    """A standing, and its differences in the order of the metrics."""
    spec: Spec | None


def table(results: Results, reference: str) -> pd.DataFrame:
    """``differences.csv``: a row per dataset, task, metric and run but the reference."""
    places = sorted((dataset, task) for task, dataset in results.places)
    found = [row for place in places for row in _rows(results, reference, *place)]
    return pd.DataFrame(found, columns=list(DIFFERENCES))


def panels(results: Results, boards: Sequence[Board]) -> list[Panel]:
    """A panel per leaderboard; none where the study names no reference."""
    resolved = results.provenance.get("study", {}).get("resolved", {})
    reference = str(resolved.get("reference") or "")
    return [_panel(results, reference, board) for board in boards] if reference else []


def _rows(results: Results, reference: str, dataset: str, task: str) -> Iterator[dict[str, Any]]:
    against = _is_here(results, reference, dataset, task)
    plan = results.contenders
    runs = plan.loc[(plan["dataset"] == dataset) & (plan["task"] == task), "run"].unique()
    for metric in _metrics(results, results.ranked_by.get(task, "")):
        theirs = results.values.get((dataset, task, against, metric), {})
        for run in sorted(str(run) for run in runs if run != against):
            ours = results.values.get((dataset, task, run, metric), {})
            if ours.keys() & theirs.keys():
                found = difference(ours, theirs, results.sign(metric))
                numbers = (found.mean, found.low, found.high, found.n)
                row = (dataset, task, metric, run, reference, *numbers)
                yield dict(zip(DIFFERENCES, row, strict=True))


def _is_here(results: Results, reference: str, dataset: str, task: str) -> str:
    """The run a reference is on one dataset and task."""
    plan = results.contenders
    runs = plan.loc[(plan["dataset"] == dataset) & (plan["task"] == task), "run"].unique()
    meant = [r for r in runs if results.searched.get((dataset, task, str(r)), r) == reference]
    return str(meant[0]) if meant else ""


def _metrics(results: Results, ranked: str) -> list[str]:
    sound = sorted(name for name in results.metrics["metric"] if results.sound(name))
    return [name for name in dict.fromkeys([BOUNDS[0], ranked, *sound]) if name in sound]


def _panel(results: Results, reference: str, board: Board) -> Panel:
    held = results.differences
    here = held[(held["dataset"] == board.dataset) & (held["task"] == board.task)]
    found: dict[str, dict[str, Paired]] = {}
    columns = ["metric", "run", "difference", "low", "high", "n"]
    for metric, run, mean, low, high, n in here[columns].itertuples(index=False):
        found.setdefault(metric, {})[run] = Paired(mean, low, high, int(n))
    names = [name for name in _metrics(results, board.metric) if name in found]
    metrics = [_described(results, name, found[name]) for name in names]
    compared = [s for s in board.standings if any(s.run in found[name] for name in names)]
    return Panel(
        board=board,
        reference=reference,
        run=_is_here(results, reference, board.dataset, board.task),
        metrics=metrics,
        rows=[(s, [found[name].get(s.run) for name in names]) for s in compared],
        spec=_chart(board, reference, metrics[0], found[names[0]]) if metrics else None,
    )


def _described(results: Results, metric: str, found: Mapping[str, Paired]) -> dict[str, Any]:
    halves = [(one.high - one.low) / 2 for one in found.values()]
    facts = {column: results.fact(metric, column) for column in ("label", "unit")}
    places = decimals_for(halves, [one.mean for one in found.values()])
    return {"metric": metric, "better": results.better(metric), "decimals": places, **facts}


def _chart(
    board: Board, reference: str, metric: Mapping[str, Any], found: Mapping[str, Paired]
) -> Spec:
    """A point and its interval per run, best first; the line is the reference."""
    import altair as alt

    runs = [s.run for s in board.standings if s.run in found][:MOST_RUNS]
    rows = [_drawn(run, found[run], int(metric["decimals"])) for run in runs]
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
    chart = alt.layer(*layers).properties(width="container", height=20 * max(len(runs), 2))
    words = f"Difference in {metric['metric']} to {reference} on {board.dataset}, {board.task}"
    spec: Spec = chart.to_dict(validate=False)
    return without_theme(spec) | {"description": words, "config": style()}


def _drawn(run: str, one: Paired, decimals: int) -> dict[str, Any]:
    known = one.verdict != "undecided"
    ends = (one.low, one.high) if known else (one.mean, one.mean)
    at, low, high = (float(f"{value:.6g}") for value in (one.mean, *ends))
    said = {"difference": signed(one.mean, decimals), "verdict": one.verdict}
    said["interval"] = interval(one.low, one.high, decimals)
    return {"run": run, "at": at, "low": low, "high": high, **said}
