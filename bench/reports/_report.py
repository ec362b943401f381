"""A study as its report sees it: the results, and what several sections show of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bench.reports._comparisons import BaselineComparison, baseline_comparison
from bench.reports._leaderboards import Leaderboard, leaderboards
from bench.results.tables import Results


class TaskLeaderboards(NamedTuple):
    """The leaderboards of one task, one per dataset."""

    name: str
    key: str
    """Its ``id`` on the page."""
    leaderboards: list[Leaderboard]


class Counts(NamedTuple):
    """How much a study compares, and how much of that is done."""

    datasets: int
    tasks: int
    models: int
    searches: int
    baselines: int
    splits: int
    seeds: int
    planned: int
    """Replicates."""
    ok: int
    pending: int

    @property
    def units(self) -> int:
        """Units of replication: splits where there are several, else seeds."""
        return self.splits if self.splits > 1 else self.seeds

    @property
    def unit(self) -> str:
        """What these are."""
        return "split" if self.splits > 1 else "seed"


@dataclass(frozen=True)
class StudyReport:
    """What the sections of the report are made from."""

    results: Results

    @cached_property
    def leaderboards(self) -> list[Leaderboard]:
        """All of them, by task and dataset."""
        return leaderboards(self.results)

    @cached_property
    def tasks(self) -> list[TaskLeaderboards]:
        """The leaderboards task by task."""
        found: dict[str, list[Leaderboard]] = {}
        for one in self.leaderboards:
            found.setdefault(one.task, []).append(one)
        return [
            TaskLeaderboards(name, f"task-{number}", of_task)
            for number, (name, of_task) in enumerate(found.items())
        ]

    @cached_property
    def comparisons(self) -> dict[str, BaselineComparison]:
        """VAEs against baselines, by the key of the leaderboard."""
        return {one.key: baseline_comparison(one) for one in self.leaderboards}

    @cached_property
    def counts(self) -> Counts:
        """Of the plan and of the table of runs."""
        results, plan = self.results, self.results.plan
        trials = plan["run"].isin(results.search["run"])
        return Counts(
            datasets=plan["dataset"].nunique(),
            tasks=plan["task"].nunique(),
            models=plan.loc[(plan["kind"] == "models") & ~trials, "run"].nunique(),
            searches=results.search["search"].nunique(),
            baselines=plan.loc[plan["kind"] != "models", "run"].nunique(),
            splits=plan["split"].nunique(),
            seeds=results.n_seeds,
            planned=len(plan) * results.n_seeds,
            ok=int((results.runs["status"] == "ok").sum()),
            pending=int((results.runs["status"] == "pending").sum()),
        )
