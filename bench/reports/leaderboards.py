"""Leaderboards: raw scores of all runs by task and dataset, average ranks, further metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.core.section import Context, Section
from bench.reports._comparisons import average_ranks
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._wording import decimals_for, heading
from bench.results.statistics import Estimate, estimate
from bench.results.tables import Results

MOST_ROWS = 100
"""Rows of one table."""


Estimates = Mapping[str, Estimate]
"""By metric; only of those that were scored."""


class FurtherRow(NamedTuple):
    """One run."""

    row: Row
    estimates: list[tuple[Estimate, int] | None]
    """Per metric, with the decimals to show; None where not scored."""


@dataclass(frozen=True, kw_only=True)
class FurtherMetrics:
    """Some other metrics of one leaderboard."""

    metrics: list[dict[str, Any]]
    """metric, label, better, unit, reference."""
    rows: list[FurtherRow]


def content(report: StudyReport) -> dict[str, Any]:
    """The leaderboards of every task, with what else was scored."""
    several = [task for task in report.tasks if len(task.leaderboards) > 1]
    return {
        "tasks": report.tasks,
        "ranks": {task.name: average_ranks(task.leaderboards) for task in several},
        "further": {one.key: further_metrics(report.results, one) for one in report.leaderboards},
        "most_rows": MOST_ROWS,
    }


def further_metrics(results: Results, leaderboard: Leaderboard) -> dict[str, FurtherMetrics]:
    """Every other metric: the ``sound`` ones, and those kept ``as_published``."""
    scored = {row.run: _estimates(results, leaderboard, row) for row in leaderboard.rows}
    names = sorted({name for estimates in scored.values() for name in estimates})
    parts = {
        "sound": [name for name in names if results.sound(name)],
        "as_published": [name for name in names if not results.sound(name)],
    }
    return {
        part: FurtherMetrics(
            metrics=[_described(results, name) for name in chosen],
            rows=_further_rows(leaderboard, scored, chosen),
        )
        for part, chosen in parts.items()
    }


def _estimates(results: Results, leaderboard: Leaderboard, row: Row) -> Estimates:
    key = (leaderboard.dataset, leaderboard.task, row.run)
    names = set(results.metrics["metric"]) - {leaderboard.metric}
    found = {name: results.values.get((*key, name)) for name in names}
    return {name: estimate(values) for name, values in found.items() if values}


def _described(results: Results, metric: str) -> dict[str, Any]:
    columns = ("label", "better", "unit", "reference")
    return {"metric": metric} | {column: results.fact(metric, column) for column in columns}


def _further_rows(
    leaderboard: Leaderboard, scored: Mapping[str, Estimates], metrics: Sequence[str]
) -> list[FurtherRow]:
    decimals = {m: _decimals([e[m] for e in scored.values() if m in e]) for m in metrics}
    return [
        FurtherRow(row, [(found[m], decimals[m]) if m in found else None for m in metrics])
        for row in leaderboard.rows[:MOST_ROWS]
        if (found := scored[row.run])
    ]


def _decimals(estimates: Sequence[Estimate]) -> int:
    halves = [(one.high - one.low) / 2 for one in estimates]
    return decimals_for(halves, [one.mean for one in estimates])


def links(context: Context) -> list[tuple[str, str]]:
    """An entry of the contents per task."""
    return [(task.key, heading(task.name)) for task in context["tasks"]]


SECTION = Section(title="Leaderboards", order=40, content=content, links=links)
