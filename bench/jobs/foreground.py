"""One run without Snakemake in this process, for debugging with breakpoints."""

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

from bench.jobs.fetch import fetch
from bench.jobs.fit_baseline import fit_baseline
from bench.jobs.make_problem import make_problem
from bench.jobs.prepare import prepare
from bench.jobs.read_out import read_out
from bench.jobs.score import score
from bench.jobs.train import train
from bench.planning.plan_record import Plan
from bench.results import layout
from bench.results.collect import Collected, collect
from bench.results.keys import fit_params, read_out_params, score_params, train_params
from bench.results.records import find_record

FOLDER = Path("results/foreground")
"""Separate from the results of Snakemake."""

HERE: dict[str, Any] = {"log": None, "threads": 1, "minutes": inf}
"""Without a log a job works in this process."""


def run_in_foreground(plan: Plan, label: str) -> Collected:
    """One run on every dataset, task and split of its study; prints scores and status.

    Files that agree with the plan are reused; all others are made again.
    """
    runs, study = [run for run in plan.runs if run["run"] == label], FOLDER / plan.name
    for run in runs:
        problem = str(layout.record_of(_problem(plan, run, study)))
        folder = study / layout.run_folder(run)
        status, readouts, scores = (str(folder / name) for name in layout.OF_A_RUN)
        if run["shelf"] == "models":
            train(train_params(run), problem, status, **HERE)
            read_out(read_out_params(run), problem, readouts, **HERE)
        else:
            fit_baseline(fit_params(run), problem, status, **HERE)
        score(score_params(run), problem, scores, **HERE)
    collected = collect(study, runs, ended=True)
    for line in _lines(collected):
        print(line)
    return collected


def _problem(plan: Plan, run: dict[str, Any], study: Path) -> Path:
    """The problem of a run; made again if it does not agree with the plan."""
    dataset, task = plan.datasets[run["dataset"]], plan.tasks[run["task"]]
    path = study / layout.problem_file(run["dataset"], run["task"], run["split"])
    made = find_record(layout.record_of(path))
    if made and made["key"] == run["keys"]["problem"]:
        return path
    cells = study / layout.data_file(run["dataset"])
    fetched = layout.fetched_record(run["dataset"]) if dataset["remote"] else None
    if fetched:
        fetch(dataset, str(fetched))
    prepare(dataset, fetched and str(fetched), str(cells))
    given = task | {"data": run["keys"]["data"]}
    make_problem(given, run["split"], run["dataset"], str(cells), str(path))
    return path


def _lines(collected: Collected) -> Iterator[str]:
    for row in collected.scores:
        yield f"{_where(row)}  {row['metric']}  {row['value']:.6g}"
    for row in collected.unscored:
        yield f"{_where(row)}  {row['metric']}  {row['status']}: {row['reason']}"
    for row in collected.runs:
        yield f"{_where(row)}  {row['status']}  {row['stage']} {row['reason']}".rstrip()


def _where(row: dict[str, Any]) -> str:
    return f"{row['dataset']}  {row['task']}  split {row['split']}  seed {row['seed']}"
