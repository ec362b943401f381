"""What is noticed about users' files, and the tasks that they fit: a table for docs/results.

    python benchmarks/own_files.py STUDY > docs/results/tables/own_files.csv

Every dataset of the study is loaded, every task that fits it makes its problem, and every baseline
is fitted, read out and scored, all in this process with the functions of the jobs.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.catalogue import card, metric
from bench.core.errors import UserError
from bench.core.problem import Problem
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.jobs.asked import asked
from bench.metrics._scoring import score_all
from bench.parts.splits.remarks import remarks
from bench.planning.parameters import parse
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.study import load_study

COLUMNS = ("file", "cells", "genes", "labels", "tasks", "scores", "repairs and remarks")


def described(plan: Plan, label: str) -> dict[str, Any]:
    """The row of one dataset."""
    row = plan.datasets[label]
    entry = card("data", row["dataset"])
    data = clean_counts(entry.load(parse(entry.config, row["config"]), {}), label)
    notes, tasks, n_scores = list(data.repairs), [], 0
    for name, task in plan.tasks.items():
        runs = [r for r in plan.runs if (r["dataset"], r["task"], r["split"]) == (label, name, 1)]
        if not runs:
            continue
        of_task = card("tasks", task["task"])
        generator = numpy_generator("split", label, task["task"], 1)
        try:
            config = parse(of_task.config, task["config"])
            problem = of_task.problem_of(data, config, 1, generator)
        except UserError as error:
            notes.append(f"{name} refused: {error.findings[0]}")
            continue
        notes += [note for note in remarks(data, problem) if note not in notes]
        tasks.append(name)
        n_scores += sum(scores(run, problem) for run in runs)
    labels = [f"{name} ({len(set(values.tolist())):,})" for name, values in data.labels.items()]
    values = (
        label,
        *data.counts.shape,
        ", ".join(labels),
        ", ".join(tasks),
        n_scores,
        "; ".join(notes),
    )
    return dict(zip(COLUMNS, values, strict=True))


def scores(run: dict[str, Any], problem: Problem) -> int:
    """Fit a baseline and score it; the number of scores."""
    entry = card("baselines", run["file"])
    config = parse(entry.config, run["config"])
    fitted = entry.fit(problem, config, numpy_generator("baseline", 0))
    arrays: dict[str, Any] = {}
    for readout, options in asked(run["readouts"]).values():
        arrays |= readout.of_baseline(fitted, problem, options)
    found = score_all({name: metric(name) for name in run["metrics"]}, arrays, problem)
    return len(found.scores)


def rows(study: str) -> Iterator[dict[str, Any]]:
    """A row per dataset, in the order of the study."""
    plan = make_plan(load_study(Path(study)))
    for label in plan.datasets:
        print(label, file=sys.stderr, flush=True)
        yield described(plan, label)


if __name__ == "__main__":
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows(sys.argv[1]):
        table.writerow(row)
