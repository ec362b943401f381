"""The rows of a leaderboard: one run on one dataset and task, with its scores and its costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, nan
from typing import Any, Literal

import pandas as pd

from bench.results.statistics import Difference, Estimate, Unit, estimate
from bench.results.tables import Results

NOT_DUE = "not scored by this metric"
COSTS = ("train_seconds", "peak_memory_mb", "n_parameters")

Kind = Literal["VAE", "baseline", "floor", "ceiling"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run on one dataset and task."""

    run: str
    model: str
    kind: Kind
    values: Mapping[Unit, float]
    score: Estimate
    """By the metric that ranks; ``n`` of it is 0 where nothing was scored."""
    planned: int
    """Splits times seeds that the study asked for."""
    trouble: str
    """Why seeds are missing, else empty."""
    costs: Mapping[str, float]
    """Means over seeds of :data:`COSTS`."""
    search: str
    """Of a trial: the search that selected it."""
    rank: int | None = None
    """1 is best; None where it has no score, and of controls."""
    scaled: float = nan
    """0 at the floor, 1 at the ceiling; NaN where one of them is missing."""
    to_leader: Difference | None = None
    """Paired difference to the leader; None of the leader itself and of controls."""

    @property
    def label(self) -> str:
        """What is compared over the datasets of a task: a run, or what its search selects."""
        return self.search or self.run

    @property
    def competes(self) -> bool:
        """Whether it has a rank: a competitor with a score."""
        return self.kind in ("VAE", "baseline") and self.score.n > 0

    @property
    def is_due(self) -> bool:
        """Whether it has a score or failed to get one, rather than none being due."""
        return self.score.n > 0 or self.trouble != NOT_DUE


def row_of(results: Results, plan: pd.DataFrame, records: pd.DataFrame, metric: str) -> Row:
    """The row of a run, from its rows of the plan and of the table of runs."""
    first = plan.iloc[0]
    key = (str(first.dataset), str(first.task), str(first.run))
    values = results.values.get((*key, metric), {})
    planned = int(plan["split"].nunique()) * results.n_seeds
    return Row(
        run=key[2],
        model=str(first.model),
        kind=_kind(first),
        values=values,
        score=estimate(values),
        planned=planned,
        trouble=_trouble(records, len(values), planned),
        costs={name: _mean(records[name]) for name in COSTS},
        search=results.searched.get(key, ""),
    )


def _kind(plan: Any) -> Kind:
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
    parts = [f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items()]
    parts += [f"{unrecorded} without a record"] if unrecorded > 0 else []
    return ", ".join(parts) or NOT_DUE
