"""One function per rule of the workflow; the only place where everything meets.

Imports stand inside the functions: a job loads what it uses, and its digest follows these imports
(``bench.fingerprint``).  Work that may fail runs in a child (``bench.supervision``): its function
is named ``..._here`` and stands below the one that supervises it.  A plan is validated before the
first job starts, so its parameters are taken as they are.
"""

import json
import sys
from pathlib import Path
from typing import Any

from bench.supervision import told

Run = dict[str, Any]
"""A row of the plan, see ``bench.plan``."""


@told
def fetch(dataset: dict[str, Any], done: str) -> None:
    """Download and verify the remote files of a dataset, beside ``done``."""
    from bench.catalogue import card
    from bench.core.files import write_json
    from bench.data._download import fetch as download

    files = download(card("data", dataset["dataset"]).sources, Path(done).parent)
    write_json(Path(done), {name: str(path) for name, path in files.items()})


@told
def prepare(dataset: dict[str, Any], fetched: str | None, cells: str) -> None:
    """Load a dataset, clean it, and write it in the one format all tasks read."""
    from bench.catalogue import card
    from bench.core.files import read_json
    from bench.data._cleaning import tidied
    from bench.data._store import write

    entry = card("data", dataset["dataset"])
    files = {name: Path(path) for name, path in read_json(Path(fetched)).items()} if fetched else {}
    data = entry.load(entry.config(**dataset["config"]), files)
    write(tidied(data, dataset["dataset"]), Path(cells))


@told
def pose(task: dict[str, Any], split: int, dataset: str, cells: str, problem: str) -> None:
    """Pose a task on a dataset: the split file that every competitor shares."""
    from bench.catalogue import card
    from bench.core.problem import save
    from bench.core.seeds import numpy_generator
    from bench.data._store import read

    entry = card("tasks", task["task"])
    generator = numpy_generator("split", dataset, task["task"], split)
    config = entry.config(**task["config"])
    save(entry.pose(read(Path(cells)), config, split, generator), Path(problem))


def train(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Train all seeds of a variant; leave a record whatever happens."""
    from bench.core.files import read_json, write_json
    from bench.supervision import begin, supervised, touch_missing

    place = begin(Path(status).parent, run, ("trained.json", "states.pt", "curve.parquet"))
    arguments = {"run": run, "problem": problem, "folder": str(place), "threads": threads}
    outcome = supervised("train_here", arguments, log=log, threads=threads, minutes=minutes)
    result = read_json(place / "trained.json") if outcome.status == "ok" else {}
    touch_missing(place, ("states.pt", "curve.parquet"))
    write_json(place / "status.json", {"costs": {}, "seeds": {}} | result | outcome.as_dict())


def train_here(run: Run, problem: str, folder: str, threads: int) -> None:
    """Train all seeds of a variant in this process."""
    from bench.catalogue import card
    from bench.core.problem import load
    from bench.training.config import TrainingConfig
    from bench.training.loop import train as train_stack
    from bench.training.progress import progress
    from bench.training.records import trained
    from bench.training.session import session

    variant, config = card("models", run["file"]), TrainingConfig(**run["training"])
    hyperparameters = variant.config(**run["config"])
    label = f"{run['dataset']} {run['task']} {run['run']}"
    epochs = config.pretrain_epochs + config.max_epochs
    with session(config.precision, threads) as device, progress(label, epochs) as tell:
        posed = load(Path(problem))
        result = train_stack(posed, variant, hyperparameters, config, run["seeds"], device, tell)
        trained(Path(folder), result, device)


def read_out(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Ask every readout of every trained seed; leave a record whatever happens."""
    from bench.core.files import write_json
    from bench.supervision import Outcome, supervised, touch_missing

    place, outcome = Path(status).parent, Outcome(status="ok")
    (place / "readouts.npz").unlink(missing_ok=True)
    if (place / "states.pt").stat().st_size:
        arguments = {"run": run, "problem": problem, "folder": str(place), "threads": threads}
        outcome = supervised("read_out_here", arguments, log=log, threads=threads, minutes=minutes)
    touch_missing(place, ("readouts.npz",))
    write_json(place / "readouts.json", {"seeds": {}} | outcome.as_dict())


def read_out_here(run: Run, problem: str, folder: str, threads: int) -> None:
    """Ask every readout of every trained seed in this process."""
    import torch

    from bench.catalogue import card
    from bench.core.problem import load
    from bench.readouts._store import write
    from bench.training.replicate import open_replicate
    from bench.training.session import session

    place, posed, variant = Path(folder), load(Path(problem)), card("models", run["file"])
    hyperparameters = variant.config(**run["config"])
    states = torch.load(place / "states.pt")
    arrays: dict[int, dict[str, Any]] = {seed: {} for seed in states}
    with session(run["training"]["precision"], threads) as device, torch.no_grad():
        for seed, state in states.items():
            for name, options in run["readouts"].items():
                readout = card("readouts", name)
                fitted = open_replicate(posed, variant, hyperparameters, state, seed, name, device)
                config = readout.config(**options)
                arrays[seed] |= readout.of_variant(fitted, posed, config)
    write(place / "readouts.npz", arrays)


def fit_baseline(
    run: Run, problem: str, status: str, log: str | None, threads: int, minutes: float
) -> None:
    """Fit a baseline for every seed and read it out; leave a record whatever happens."""
    from bench.core.files import read_json, write_json
    from bench.supervision import begin, supervised, touch_missing

    place = begin(Path(status).parent, run, ("trained.json", "readouts.npz"))
    arguments = {"run": run, "problem": problem, "folder": str(place)}
    outcome = supervised("fit_baseline_here", arguments, log=log, threads=threads, minutes=minutes)
    result = read_json(place / "trained.json") if outcome.status == "ok" else {}
    touch_missing(place, ("readouts.npz",))
    write_json(place / "status.json", {"costs": {}, "seeds": {}} | result | outcome.as_dict())
    write_json(place / "readouts.json", {"seeds": {}} | outcome.as_dict())


def fit_baseline_here(run: Run, problem: str, folder: str) -> None:
    """Fit a baseline for every seed, a deterministic one only once, in this process."""
    from resource import RUSAGE_SELF, getrusage
    from time import perf_counter

    from bench.catalogue import card
    from bench.core.files import write_json
    from bench.core.problem import load
    from bench.core.seeds import numpy_generator
    from bench.readouts._store import write

    place, posed, baseline = Path(folder), load(Path(problem)), card("baselines", run["file"])
    config, seconds, n_parameters = baseline.config(**run["config"]), 0.0, 0
    arrays: dict[int, dict[str, Any]] = {}
    for seed in run["seeds"][: 1 if baseline.deterministic else None]:
        started = perf_counter()
        fitted = baseline.fit(posed, config, numpy_generator("baseline", seed))
        seconds += perf_counter() - started
        n_parameters, arrays[seed] = fitted.n_parameters, {}
        for name, options in run["readouts"].items():
            readout = card("readouts", name)
            arrays[seed] |= readout.of_baseline(fitted, posed, readout.config(**options))
    write(place / "readouts.npz", arrays)
    costs = {
        "train_seconds": round(seconds, 3),
        "cells_per_second": None,
        "peak_memory_mb": round(getrusage(RUSAGE_SELF).ru_maxrss / 2**10, 1),
        "device": "cpu",
        "n_parameters": n_parameters,
    }
    write_json(place / "trained.json", {"costs": costs, "seeds": {}})


@told
def score(run: Run, problem: str, scores: str) -> None:
    """Score every seed that was read out; a metric that fails is a record, not a hole."""
    from bench.catalogue import card
    from bench.core.files import write_json
    from bench.core.problem import load
    from bench.metrics._scoring import score_all
    from bench.readouts._store import read, seeds_in

    archive, posed = Path(scores).with_name("readouts.npz"), load(Path(problem))
    metrics = {Path(name).stem: card("metrics", name) for name in run["metrics"]}
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for seed in seeds_in(archive):
        good, bad = score_all(metrics, read(archive, seed), posed)
        for same in run["seeds"] if run["deterministic"] else [seed]:
            rows += [{"seed": same} | row for row in good]
            failures += [{"seed": same} | row for row in bad]
    write_json(Path(scores), {"scores": rows, "failures": failures})


@told
def gather(plan: str, scores: str, root: str) -> None:
    """All tables of a study, from the records of its runs."""
    import pandas as pd

    from bench.catalogue import card
    from bench.core.files import read_json, replacing, write_json
    from bench.core.rows import METRICS
    from bench.plan import Plan, plan_table
    from bench.reports.collect import collect, data_record, ranking
    from bench.reports.provenance import surroundings

    planned, study = read_json(Path(plan)), Path(scores).parent
    all_scores, all_runs = collect(study, planned["runs"])
    tables = {"scores": all_scores, "runs": all_runs}
    tables["plan"] = pd.DataFrame(plan_table(Plan(**planned)))
    tables["metrics"] = pd.DataFrame(planned["metrics"].values(), columns=list(METRICS))
    for name, table in tables.items():
        with replacing(study / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with replacing(study / "scores.parquet") as part:
        all_scores.to_parquet(part, index=False)
    datasets, tasks = planned["datasets"], planned["tasks"]
    record = {
        "study": {name: planned[name] for name in ("name", "title", "resolved")},
        "skipped": planned["skipped"],
        "ranked_by": {
            name: ranking(card("tasks", row["task"]).ranked_by, name, planned)
            for name, row in tasks.items()
        },
        "data": {
            name: data_record(study / "data" / f"{name}.h5ad", card("data", row["dataset"]))
            for name, row in datasets.items()
        },
    }
    write_json(study / "provenance.json", record | surroundings(Path(root)))


@told
def report(page: str) -> None:
    """The page that answers the study's question."""
    from bench.reports.page import render

    render(Path(page).parent, Path(page))


@told
def mirror(tracker: dict[str, Any], written: str) -> None:
    """What a finished study holds, in a tool in which people follow experiments."""
    from bench.catalogue import card
    from bench.core.files import write_json

    entry, own = card("trackers", tracker["tracker"]), Path(written).with_suffix("")
    record = entry.mirror(own.parent.parent, own, entry.config(**tracker["config"]))
    write_json(Path(written), record)


@told
def judge(verdict: str) -> None:
    """The end of a strict study: an error that lists every run that did not go well."""
    import pandas as pd

    from bench.core.errors import Finding, UserError
    from bench.core.files import write_text

    runs = pd.read_csv(Path(verdict).with_name("runs.csv"), keep_default_na=False)
    bad = runs[runs["status"] != "ok"]
    findings = [
        Finding(
            f"{row.dataset} {row.task} {row.split} {row.run} seed {row.seed}",
            row.status,
            str(row.reason),
        )
        for row in bad.itertuples()
    ]
    if findings:
        raise UserError(
            f"This study is strict, and {len(findings)} of {len(runs)} runs failed:", findings
        )
    write_text(Path(verdict), f"all {len(runs)} runs are ok\n")


def main(function: str, arguments: str) -> None:
    """Run one function in this process: the child's side of ``bench.supervision``."""
    globals()[function](**json.loads(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
