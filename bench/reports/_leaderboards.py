"""The leaderboards: for every task and dataset, the scores of all runs, their seeds and costs.

Controls are in the table with their role and without a rank.  Scores are raw, and scaled between
the two controls that the task names, which do not depend on the other runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite, nan
from statistics import median

from bench.core.metric import Direction, sign_of
from bench.reports._controls import control_of, tell_apart
from bench.reports._rows import Row, row_of
from bench.reports._wording import decimals_for
from bench.results.statistics import difference, scaled
from bench.results.tables import Results

FAR = 6.0
"""Scores this many typical gaps behind the best are drawn at the edge of a figure."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """One task on one dataset, best run first, then runs without a score."""

    key: str
    """Its ``id`` on the page."""
    task: str
    dataset: str
    metric: str
    better: Direction
    unit: str
    rows: tuple[Row, ...]
    floor: Row | None
    ceiling: Row | None
    informative: bool
    """False where the controls lie closer together than seeds scatter, or the wrong way round."""
    span: tuple[float, float]
    """The part of the axis worth drawing, lowest first."""

    @property
    def competitors(self) -> list[Row]:
        """Those with a rank, best first."""
        return [row for row in self.rows if row.competes]

    @cached_property
    def decimals(self) -> int:
        """Decimals that suit its scores."""
        shown = self.competitors or [row for row in self.rows if row.score.n]
        halves = [(row.score.high - row.score.low) / 2 for row in shown]
        return decimals_for(halves, [row.score.mean for row in shown])

    @property
    def resolution(self) -> float:
        """Half the width of a typical interval of a difference to the leader; NaN if none."""
        paired = [row.to_leader for row in self.competitors if row.to_leader]
        widths = [(d.high - d.low) / 2 for d in paired if isfinite(d.high - d.low)]
        return median(widths) if widths else nan


def leaderboards(results: Results) -> list[Leaderboard]:
    """All leaderboards, by task and dataset."""
    return [
        _leaderboard(results, task, dataset, f"leaderboard-{number}")
        for number, (task, dataset) in enumerate(results.places)
    ]


def _leaderboard(results: Results, task: str, dataset: str, key: str) -> Leaderboard:
    metric = results.ranked_by.get(task, "")
    better, named = results.better(metric), results.controls.get(task, {})
    sign, rows = sign_of(better), _rows(results, task, dataset, metric)
    floor = control_of(rows, "floor", named.get("floors", ()))
    ceiling = control_of(rows, "ceiling", named.get("ceilings", ()))
    return Leaderboard(
        key=key,
        task=task,
        dataset=dataset,
        metric=metric,
        better=better,
        unit=str(results.fact(metric, "unit")),
        rows=_compared(rows, floor, ceiling, better),
        floor=floor,
        ceiling=ceiling,
        informative=tell_apart(rows, floor, ceiling, sign),
        span=_span(rows, sign),
    )


def _rows(results: Results, task: str, dataset: str, metric: str) -> list[Row]:
    """Best first; those without a score come last."""
    plan = results.competitors
    plan = plan[(plan.task == task) & (plan.dataset == dataset)]
    records = results.runs[(results.runs.task == task) & (results.runs.dataset == dataset)]
    by_run = dict(list(records.groupby("run")))
    rows = [
        row_of(results, part, by_run.get(str(run), records.iloc[:0]), metric)
        for run, part in plan.groupby("run")
    ]
    sign = sign_of(results.better(metric))
    return sorted(
        rows,
        key=lambda row: (row.score.n == 0, -sign * row.score.mean if row.score.n else 0.0, row.run),
    )


def _compared(
    rows: Sequence[Row], floor: Row | None, ceiling: Row | None, better: Direction
) -> tuple[Row, ...]:
    """With their ranks, between the controls, and against the leader."""
    competing = [row for row in rows if row.competes]
    ranks = {row.run: rank for rank, row in enumerate(competing, start=1)}
    return tuple(
        replace(
            row,
            rank=ranks.get(row.run),
            scaled=_scaled(row, floor, ceiling),
            to_leader=difference(row.values, competing[0].values, better)
            if ranks.get(row.run, 1) > 1
            else None,
        )
        for row in rows
    )


def _scaled(row: Row, floor: Row | None, ceiling: Row | None) -> float:
    if row.score.n and floor and ceiling and floor.score.mean != ceiling.score.mean:
        return scaled(row.score.mean, floor.score.mean, ceiling.score.mean)
    return nan


def _span(rows: Sequence[Row], sign: float) -> tuple[float, float]:
    """From the best to :data:`FAR` times the typical competitor's distance from it."""
    scored = [row for row in rows if row.score.n]
    if not scored:
        return 0.0, 1.0
    best = max(sign * row.score.mean for row in [r for r in scored if r.competes] or scored)
    behind = [best - sign * row.score.mean for row in scored if row.competes]
    typical = median([gap for gap in behind if gap > 0] or [inf])
    near = [row for row in scored if abs(best - sign * row.score.mean) <= FAR * typical]
    known = [bound for row in near for bound in (row.score.mean, row.score.low, row.score.high)]
    known = [bound for bound in known if isfinite(bound)]
    margin = 0.03 * (max(known) - min(known)) or 0.5 * abs(known[0]) or 0.5
    return min(known) - margin, max(known) + margin
