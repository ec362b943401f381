"""Differences of all runs from the reference run of the study, by metric.

    difference = mean over splits of the mean over seeds of (run - reference)

on the splits and seeds of both, with positive values for better scores, in the unit of the metric,
with the interval of :mod:`bench.results.statistics`.  Sound metrics only: first the
importance-weighted bound, then the ranking metric, then the others.  If the reference is a search,
its selected trial on each dataset is used.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.core.rows import DIFFERENCES
from bench.results.statistics import difference
from bench.results.tables import Results

FIRST = "iwelbo"


def table(results: Results, reference: str) -> pd.DataFrame:
    """``differences.csv``: one row per dataset, task, metric and run except the reference."""
    panels = sorted((dataset, task) for task, dataset in results.places)
    found = [row for panel in panels for row in _rows(results, reference, *panel)]
    return pd.DataFrame(found, columns=list(DIFFERENCES))


def run_of(results: Results, reference: str, dataset: str, task: str) -> str:
    """The reference run on one dataset and task; empty if there is none."""
    runs = _runs(results, dataset, task)
    found = [r for r in runs if results.searched.get((dataset, task, r), r) == reference]
    return found[0] if found else ""


def compared_metrics(results: Results, ranked: str) -> list[str]:
    """The compared metrics in their order, with ``ranked`` as the ranking metric."""
    sound = sorted(name for name in results.metrics["metric"] if results.sound(name))
    return [name for name in dict.fromkeys([FIRST, ranked, *sound]) if name in sound]


def _rows(results: Results, reference: str, dataset: str, task: str) -> Iterator[dict[str, Any]]:
    against = run_of(results, reference, dataset, task)
    runs = sorted(run for run in _runs(results, dataset, task) if run != against)
    for metric in compared_metrics(results, results.ranked_by.get(task, "")):
        theirs = results.values.get((dataset, task, against, metric), {})
        for run in runs:
            ours = results.values.get((dataset, task, run, metric), {})
            if ours.keys() & theirs.keys():
                found = difference(ours, theirs, results.better(metric))
                numbers = (found.mean, found.low, found.high, found.n)
                row = (dataset, task, metric, run, reference, *numbers)
                yield dict(zip(DIFFERENCES, row, strict=True))


def _runs(results: Results, dataset: str, task: str) -> list[str]:
    plan = results.competitors
    here = plan.loc[(plan["dataset"] == dataset) & (plan["task"] == task), "run"]
    return [str(run) for run in here.unique()]
