"""What did not end well, and which scores are missing: one row for all that share a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.core.section import Context, Section
from bench.reports._report import StudyReport
from bench.results.tables import Results

OF_A_DATASET = ("fetch", "prepare")
OF_A_PROBLEM = (*OF_A_DATASET, "make_problem")
"""Stages that all runs share: what fails there has failed for every run."""

ALL = "all"

MOST_ROWS = 100
"""Rows of one table."""


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The tables of one page."""

    rows: list[dict[str, Any]]
    """task, dataset, run, stage, status, reason; splits and seeds as text; n replicates."""
    n: int
    """Replicates that did not end well; those that are not done yet are not among them."""
    unscored: list[dict[str, Any]]
    """task, dataset, metric, status, reason, runs as text, n scores that are missing."""


def content(report: StudyReport) -> dict[str, Any]:
    """Tables of failed replicates and of missing scores."""
    return {"failures": failures(report.results), "most_rows": MOST_ROWS}


def failures(results: Results) -> Failures:
    """What a study's tables say of it."""
    runs = results.runs
    bad = runs[~runs["status"].isin(["ok", "pending"])].copy()
    bad.loc[bad["stage"].isin(OF_A_PROBLEM), "run"] = ALL
    bad.loc[bad["stage"].isin(OF_A_DATASET), "task"] = ALL
    keys = ["task", "dataset", "run", "stage", "status", "reason"]
    unscored = ["task", "dataset", "metric", "status", "reason"]
    return Failures(
        rows=_grouped(bad, keys, {"split": "splits", "seed": "seeds"}),
        n=len(bad),
        unscored=_grouped(results.unscored, unscored, {"run": "runs"}),
    )


def _grouped(
    table: pd.DataFrame, keys: Sequence[str], listed: dict[str, str]
) -> list[dict[str, Any]]:
    """A row for each combination of ``keys``; what it stands for is listed, and counted as n."""
    rows = []
    for values, part in table.groupby(list(keys), sort=True):
        names = {new: _listing(part[old].unique()) for old, new in listed.items()}
        rows.append({**dict(zip(keys, values, strict=True)), **names, "n": len(part)})
    return rows


def _listing(values: Any) -> str:
    shown = [str(value) for value in sorted(values)]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")


def count(context: Context) -> int:
    """Replicates that failed."""
    return int(context["failures"].n)


SECTION = Section(title="Failed runs", order=140, content=content, count=count)
