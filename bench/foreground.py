"""One run without Snakemake, in this process: for debugging a model, breakpoints included."""

from pathlib import Path
from typing import Any

from bench import jobs
from bench.core.files import read_json
from bench.plan import Plan

FOLDER = Path("results/foreground")
"""Apart from what Snakemake keeps."""


def run_in_foreground(plan: Plan, label: str) -> None:
    """One run on every dataset, task and split of its study; prints its scores."""
    for run in (run for run in plan.runs if run["run"] == label):
        folder = FOLDER / plan.name / run["dataset"] / run["task"] / str(run["split"])
        problem = _posed(plan, run, folder)
        (folder / label).mkdir(exist_ok=True)
        if run["shelf"] == "models":
            jobs.train_here(run, str(problem), str(folder / label), threads=1)
            jobs.read_out_here(run, str(problem), str(folder / label), threads=1)
        else:
            jobs.fit_baseline_here(run, str(problem), str(folder / label))
        scores = folder / label / "scores.json"
        jobs.score(run, str(problem), str(scores))
        _show(run, read_json(scores))


def _posed(plan: Plan, run: dict[str, Any], folder: Path) -> Path:
    """The problem of a run, made anew."""
    dataset, problem = plan.datasets[run["dataset"]], folder / "problem.npz"
    cells = FOLDER / plan.name / f"{run['dataset']}.h5ad"
    fetched = f"resources/{run['dataset']}/fetched.json" if dataset["remote"] else None
    if fetched:
        jobs.fetch(dataset, fetched)
    jobs.prepare(dataset, fetched, str(cells))
    jobs.pose(plan.tasks[run["task"]], run["split"], run["dataset"], str(cells), str(problem))
    return problem


def _show(run: dict[str, Any], scored: dict[str, Any]) -> None:
    place = f"{run['dataset']}  {run['task']}"
    for row in scored["scores"]:
        print(f"{place}  seed {row['seed']}  {row['metric']}  {row['value']:.6g}")
    for row in scored["failures"]:
        print(f"{place}  seed {row['seed']}  {row['metric']}  failed: {row['reason']}")
