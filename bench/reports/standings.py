"""The leaderboards: for every task and dataset, who scored what, on how many seeds, at what cost.

Controls are in the table with their role and without a rank.  Scores are raw; beside them stands
where they lie between the two controls, which are named and never change with the competitors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import fsum, inf, isfinite, nan
from statistics import median
from typing import Any, Literal

import pandas as pd

from bench.core.metric import Direction, sign_of
from bench.results.statistics import (
    Difference,
    Estimate,
    Unit,
    difference,
    estimate,
    scaled,
)
from bench.results.tables import Results

FLOORS, CEILINGS = ("mean", "batch_onehot"), ("oracle", "cell_type_onehot")
"""The controls that scores are scaled between: the first of these that the study has, else the
first of its controls."""
BOUNDS = ("iwelbo", "elbo")
"""The measures of a model's bound, the tighter first: sections show one beside what ranks."""
FAR = 6.0
"""Scores this many typical gaps behind the best are drawn at the edge of a figure."""
NOT_DUE = "not scored by this metric"
COSTS = ("train_seconds", "peak_memory_mb", "n_parameters")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One run on one dataset and task."""

    run: str
    model: str
    kind: Literal["VAE", "baseline", "floor", "ceiling"]
    values: Mapping[Unit, float]
    score: Estimate
    """By the metric that ranks; ``n`` of it is 0 where nothing was scored."""
    planned: int
    """Splits times seeds that the study asked for."""
    trouble: str
    """Why seeds are missing, else empty."""
    costs: Mapping[str, float]
    """Means over seeds of :data:`COSTS`."""
    others: Mapping[str, Estimate]
    """By every other metric that was scored."""
    rank: int | None = None
    scaled: float = nan
    to_leader: Difference | None = None
    """Paired difference to the leader; none for the leader itself and for controls."""
    search: str = ""
    """Of a trial: the search that selected it."""

    @property
    def entrant(self) -> str:
        """What competes on every dataset of a task: a run, or whatever its search selects."""
        return self.search or self.run

    @property
    def competes(self) -> bool:
        """Whether it can win."""
        return self.kind in ("VAE", "baseline") and self.score.n > 0

    @property
    def judged(self) -> bool:
        """Whether it has a score or failed to get one, rather than none being due."""
        return self.score.n > 0 or self.trouble != NOT_DUE


@dataclass(frozen=True, kw_only=True)
class Board:
    """One leaderboard, best first, then whatever has no score."""

    task: str
    dataset: str
    metric: str
    better: Direction
    unit: str
    standings: tuple[Standing, ...]
    floor: Standing | None
    ceiling: Standing | None
    informative: bool
    """False where the controls lie closer together than seeds scatter, or the wrong way round."""
    span: tuple[float, float]
    """The part of the axis worth drawing, lowest first."""

    @property
    def sign(self) -> float:
        """The factor that turns scores so that higher is better."""
        return sign_of(self.better)

    @property
    def competitors(self) -> list[Standing]:
        """Those with a rank, best first."""
        return [standing for standing in self.standings if standing.competes]

    @property
    def resolution(self) -> float:
        """Half the width of a typical interval of a difference to the leader; NaN if none."""
        paired = [s.to_leader for s in self.competitors if s.to_leader]
        widths = [(d.high - d.low) / 2 for d in paired if isfinite(d.high - d.low)]
        return median(widths) if widths else nan


def boards(results: Results) -> list[Board]:
    """All leaderboards, by task and dataset."""
    return [_board(results, task, dataset) for task, dataset in results.places]


def _board(results: Results, task: str, dataset: str) -> Board:
    metric = results.ranked_by.get(task, "")
    sign = results.sign(metric)
    plan = results.contenders
    plan = plan[(plan.task == task) & (plan.dataset == dataset)]
    records = results.runs[(results.runs.task == task) & (results.runs.dataset == dataset)]
    by_run = dict(list(records.groupby("run")))
    entered = [
        _enter(results, rows, by_run.get(str(run), records.iloc[:0]), metric)
        for run, rows in plan.groupby("run")
    ]
    entered.sort(key=lambda s: (s.score.n == 0, -sign * s.score.mean if s.score.n else 0.0, s.run))
    floor, ceiling = _control(entered, "floor", FLOORS), _control(entered, "ceiling", CEILINGS)
    informative = _informative(entered, floor, ceiling, sign)
    leader = next((standing for standing in entered if standing.competes), None)
    ranks = {s.run: rank for rank, s in enumerate((s for s in entered if s.competes), start=1)}
    return Board(
        task=task,
        dataset=dataset,
        metric=metric,
        better=results.better(metric),
        unit=str(results.fact(metric, "unit")),
        standings=tuple(
            _placed(standing, ranks.get(standing.run), leader, floor, ceiling, sign)
            for standing in entered
        ),
        floor=floor,
        ceiling=ceiling,
        informative=informative,
        span=_span(entered, sign),
    )


def _enter(results: Results, plan: pd.DataFrame, records: pd.DataFrame, metric: str) -> Standing:
    first = plan.iloc[0]
    place = (str(first.dataset), str(first.task), str(first.run))
    values = results.values.get((*place, metric), {})
    others = {
        name: estimate(results.values[(*place, name)])
        for name in sorted(set(results.metrics["metric"]) - {metric})
        if (*place, name) in results.values
    }
    planned = int(plan["split"].nunique()) * results.n_seeds
    return Standing(
        run=place[2],
        model=str(first.model),
        kind=_kind(first),
        values=values,
        score=estimate(values),
        planned=planned,
        trouble=_trouble(records, len(values), planned),
        costs={name: _mean(records[name]) for name in COSTS},
        others=others,
        search=results.searched.get(place, ""),
    )


def _kind(plan: Any) -> Literal["VAE", "baseline", "floor", "ceiling"]:
    if plan.kind == "models":
        return "VAE"
    return plan.role if plan.role in ("floor", "ceiling") else "baseline"


def _mean(column: "pd.Series[float]") -> float:
    numbers = pd.to_numeric(column, errors="coerce").dropna()
    return fsum(numbers) / len(numbers) if len(numbers) else nan


def _trouble(records: pd.DataFrame, n: int, planned: int) -> str:
    if n >= planned:
        return ""
    counts = records.loc[records["status"] != "ok", "status"].value_counts().sort_index()
    unrecorded = planned - len(records)
    said = [f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items()]
    said += [f"{unrecorded} without a record"] if unrecorded > 0 else []
    return ", ".join(said) or NOT_DUE


def _control(entered: list[Standing], kind: str, preferred: tuple[str, ...]) -> Standing | None:
    """The first control by preference; one nobody prefers, of the right kind, comes last."""
    order = dict(zip(preferred, range(len(preferred)), strict=True))
    known = [s for s in entered if s.score.n and (s.kind == kind or s.model in order)]
    known.sort(key=lambda s: (order.get(s.model, len(order)), s.kind != kind, s.run))
    return known[0] if known else None


def _informative(
    entered: list[Standing], floor: Standing | None, ceiling: Standing | None, sign: float
) -> bool:
    if floor is None or ceiling is None:
        return True
    gap = sign * (ceiling.score.mean - floor.score.mean)
    scatter = [s.score.sd for s in entered if s.kind == "VAE" and isfinite(s.score.sd)]
    rounding = 1e-9 * max(abs(ceiling.score.mean), abs(floor.score.mean))
    return gap > max(2 * median(scatter) if scatter else 0.0, rounding)


def _placed(
    standing: Standing,
    rank: int | None,
    leader: Standing | None,
    floor: Standing | None,
    ceiling: Standing | None,
    sign: float,
) -> Standing:
    between = nan
    if standing.score.n and floor and ceiling and floor.score.mean != ceiling.score.mean:
        between = scaled(standing.score.mean, floor.score.mean, ceiling.score.mean)
    paired = None
    if leader and rank and standing is not leader:
        paired = difference(standing.values, leader.values, sign)
    return replace(standing, rank=rank, scaled=between, to_leader=paired)


def _span(entered: list[Standing], sign: float) -> tuple[float, float]:
    """From the best to :data:`FAR` times the typical competitor's distance from it."""
    scored = [s for s in entered if s.score.n]
    if not scored:
        return 0.0, 1.0
    best = max(sign * s.score.mean for s in [s for s in scored if s.competes] or scored)
    behind = [best - sign * s.score.mean for s in scored if s.competes]
    typical = median([gap for gap in behind if gap > 0] or [inf])
    near = [s for s in scored if abs(best - sign * s.score.mean) <= FAR * typical]
    known = [bound for s in near for bound in (s.score.mean, s.score.low, s.score.high)]
    known = [bound for bound in known if isfinite(bound)]
    margin = 0.03 * (max(known) - min(known)) or 0.5 * abs(known[0]) or 0.5
    return min(known) - margin, max(known) + margin
