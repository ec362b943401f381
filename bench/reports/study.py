"""What was compared: datasets, tasks and runs of the study, and what the plan left out."""

from typing import Any

import pandas as pd

from bench.core.errors import listed
from bench.core.section import Section
from bench.core.skipped import grouped_skips
from bench.reports._report import StudyReport, TaskLeaderboards

MOST_ROWS = 100
"""Rows of the table of combinations that were left out."""
MOST_RUNS = 1000
"""Rows of the table of runs."""


def content(report: StudyReport) -> dict[str, Any]:
    """Tables of what the study names."""
    results = report.results
    runs = results.competitors.drop_duplicates("run")
    return {
        "datasets": sorted(results.plan["dataset"].unique()),
        "data": results.provenance.get("data", {}),
        "tasks": [_task(task) for task in report.tasks],
        "runs": runs.sort_values(["kind", "run"], ascending=[False, True]),
        "skipped": [_names(row) for row in grouped_skips(results.provenance.get("skipped", []))],
        "remarks": [*results.provenance.get("remarks", []), *_collapsed(results.scores)],
        "most_rows": MOST_ROWS,
        "most_runs": MOST_RUNS,
    }


def _names(skipped: dict[str, Any]) -> dict[str, str]:
    """A row of the table, with lists of names as text."""
    return {
        name: value if isinstance(value, str) else listed(value) for name, value in skipped.items()
    }


def _collapsed(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """A remark per run and split in which the latent of some seed does not vary."""
    collapsed = scores[(scores["metric"] == "active_units") & (scores["value"] == 0)]
    keys = ["dataset", "task", "split", "run"]
    return [
        dict(zip(keys[:3], key[:3], strict=True))
        | {"remark": f"the latent of {key[3]} is the same for all cells, in {len(rows)} seeds"}
        for key, rows in collapsed.groupby(keys)
    ]


def _task(task: TaskLeaderboards) -> dict[str, Any]:
    """A task with the controls that scores are scaled between, on one dataset or another."""
    floors = {one.floor.run for one in task.leaderboards if one.floor}
    ceilings = {one.ceiling.run for one in task.leaderboards if one.ceiling}
    return {
        "name": task.name,
        "key": task.key,
        "leaderboard": task.leaderboards[0],
        "datasets": [one.dataset for one in task.leaderboards],
        "floors": sorted(floors),
        "ceilings": sorted(ceilings),
    }


SECTION = Section(title="What was compared", order=30, content=content)
