"""Fit a baseline for every seed (a deterministic one once) and compute its readouts."""

from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

from bench.catalogue import card, file_of
from bench.core.files import write_json
from bench.core.problem import load
from bench.core.seeds import numpy_generator
from bench.jobs.asked import asked
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.replicates import Order, Stage, carry_out, summary
from bench.jobs.sources import Sources
from bench.readouts._store import write
from bench.results.layout import ARRAYS, READOUTS, RESULT, STATUS, seed_folder
from bench.results.records import content_of, verified, write_record
from bench.results.settings import read_settings


@logged
def fit_baseline(
    run: dict[str, Any], problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """Fit missing replicates and write both records of the run, with all replicates."""
    problem_record, run_folder = verified(Path(problem)), Path(record).parent
    order = Order(
        settings={**run, "paths": {"problem": str(Path(problem).with_suffix(".npz"))}},
        key=run["keys"]["train"],
        inputs={seed: {"problem": content_of(problem_record)} for seed in run["seeds"]},
        sources=_sources(run),
    )
    limits = Limits(log=log, threads=threads, minutes=minutes)
    records = carry_out(FITTING, run_folder, order, limits)
    fields = summary(run_folder, FITTING, records)
    whole = {"key": order.key, "inputs": {"problem": problem_record["digest"]}, **fields}
    for name in (STATUS, READOUTS):
        write_record(run_folder / name, whole)


def fit_baseline_here(folder: Path) -> None:
    """Fit the replicates in ``run.yaml`` in this process, one folder per replicate."""
    run = read_settings(folder)
    baseline, readouts = card("baselines", run["file"]), asked(run["readouts"])
    config, problem = baseline.config(**run["config"]), load(Path(run["paths"]["problem"]))
    seconds, n_parameters = 0.0, 0
    for seed in run["seeds"]:
        started = perf_counter()
        fitted = baseline.fit(problem, config, numpy_generator("baseline", seed))
        seconds, n_parameters = seconds + perf_counter() - started, fitted.n_parameters
        arrays: dict[str, Any] = {}
        for name, (readout, options) in readouts.items():
            if readout.of_baseline is None:
                raise ValueError(f"the readout {name} is not asked of baselines")
            arrays |= readout.of_baseline(fitted, problem, options)
        write(seed_folder(folder, seed) / ARRAYS, arrays)
    costs = _costs(seconds, n_parameters) | {"stack": run["seeds"]}
    for seed in run["seeds"]:
        write_json(seed_folder(folder, seed) / RESULT, {"status": "ok", "costs": costs})


def _sources(run: dict[str, Any]) -> Sources:
    readouts = [file_of("readouts", name) for name in run["readouts"]]
    return Sources("fit_baseline", (file_of("baselines", run["file"]), *readouts), run["code"])


def _costs(seconds: float, n_parameters: int) -> dict[str, Any]:
    """Costs; the seconds are the sum over all replicates of the job, as for variants."""
    return {
        "train_seconds": round(seconds, 3),
        "cells_per_second": None,
        "peak_memory_mb": round(getrusage(RUSAGE_SELF).ru_maxrss / 2**10, 1),
        "device": "cpu",
        "n_parameters": n_parameters,
    }


FITTING = Stage(job="fit_baseline", work=fit_baseline_here, record="fitted.json", files=(ARRAYS,))

if __name__ == "__main__":
    as_child(fit_baseline_here)
