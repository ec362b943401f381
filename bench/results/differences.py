"""Every run against the one run that a study names as its reference, metric by metric.

    difference = mean over splits of the mean over seeds of (run - reference)

on the splits and seeds that both have, turned so that positive is better, in the metric's own unit,
with the interval of :mod:`bench.results.statistics`.  Sound metrics only: the importance-weighted
bound first, then what ranks, then the others.  Where a search is the reference, that is the trial
it selected on each dataset.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.core.rows import DIFFERENCES
from bench.results.statistics import difference
from bench.results.tables import Results

FIRST = "iwelbo"


def table(results: Results, reference: str) -> pd.DataFrame:
    """``differences.csv``: a row per dataset, task, metric and run but the reference."""
    panels = sorted((dataset, task) for task, dataset in results.places)
    found = [row for panel in panels for row in _rows(results, reference, *panel)]
    return pd.DataFrame(found, columns=list(DIFFERENCES))


def run_of(results: Results, reference: str, dataset: str, task: str) -> str:
    """The run that a reference is on one dataset and task; empty where there is none."""
    runs = _runs(results, dataset, task)
    found = [r for r in runs if results.searched.get((dataset, task, r), r) == reference]
    return found[0] if found else ""


def compared_metrics(results: Results, ranked: str) -> list[str]:
    """The metrics that are compared where ``ranked`` ranks, in their order."""
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
