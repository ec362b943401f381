"""Compute all readouts of every trained replicate; a failure becomes a record too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.catalogue import card, file_of
from bench.core.files import write_json
from bench.core.problem import Problem, load
from bench.core.readout import Arrays
from bench.jobs.asked import Asked, asked
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.replicates import Order, Records, Stage, carry_out, summary
from bench.jobs.sources import Sources
from bench.readouts._store import write
from bench.results.layout import ARRAYS, READOUTS, RESULT, STATUS, WEIGHTS, seed_folder
from bench.results.records import Record, content_of, verified, write_record
from bench.results.settings import read_settings

Row = dict[str, Any]


@logged
def read_out(
    run: Row, problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """Compute missing readouts; ``readouts.json`` is the record of all replicates."""
    limits = Limits(log=log, threads=threads, minutes=minutes)
    sources = Sources("read_out", (model_of(run), *readouts_of(run)), run["code"])
    read_out_stage(READING, run, Path(problem), Path(record).parent, limits, sources)


def model_of(run: Row) -> Path:
    """The file of a run's variant."""
    return file_of("models", run["file"])


def readouts_of(run: Row) -> list[Path]:
    """The files of its readouts."""
    return [file_of("readouts", name) for name in run["readouts"]]


def read_out_here(folder: Path) -> None:
    """Compute all readouts of the replicates in ``run.yaml`` in this process."""
    run = read_settings(folder)
    problem, readouts = load(Path(run["paths"]["problem"])), asked(run["readouts"])
    with opened(run, problem) as arrays_of:
        for seed in run["seeds"]:
            write(seed_folder(folder, seed) / ARRAYS, arrays_of(problem, readouts, seed))
            write_json(seed_folder(folder, seed) / RESULT, {"status": "ok"})


def read_out_stage(
    stage: Stage, run: Row, problem: Path, folder: Path, limits: Limits, sources: Sources
) -> tuple[Record, Records]:
    """Run a stage for all trained replicates; returns the records of training and stage."""
    problem_record, trained = verified(problem), verified(folder / STATUS, run["keys"]["train"])
    paths = {"problem": str(problem.with_suffix(".npz")), "run": str(folder)}
    order = Order(
        settings={**run, "paths": paths},
        key=run["keys"]["read_out"],
        inputs={seed: _inputs(problem_record, trained, seed) for seed in _good(run, trained)},
        sources=sources,
    )
    records = carry_out(stage, folder, order, limits)
    inputs = {"problem": problem_record["digest"], "status": trained["digest"]}
    fields = summary(folder, stage, records)
    write_record(folder / READOUTS, {"key": order.key, "inputs": inputs, **fields})
    return trained, records


@contextmanager
def opened(run: Row, problem: Problem) -> Iterator[Callable[[Problem, Asked, int], Arrays]]:
    """The arrays of every replicate of a run, whose cells and module are opened once."""
    from bench.training.reading_out import read_out as ask
    from bench.training.records import read_weights
    from bench.training.replicate import open_run
    from bench.training.session import session

    variant, folder = card("models", run["file"]), Path(run["paths"]["run"])
    with session(run["training"]["precision"], run["threads"]) as device:
        open_ = open_run(problem, variant, variant.config(**run["config"]), device)

        def arrays_of(problem: Problem, readouts: Asked, seed: int) -> Arrays:
            weights = read_weights(seed_folder(folder, seed) / WEIGHTS)
            return ask(open_, problem, weights, seed, readouts)

        yield arrays_of


def _good(run: Row, trained: Record) -> list[int]:
    return [seed for seed in run["seeds"] if trained["seeds"][str(seed)]["status"] == "ok"]


def _inputs(problem_record: Record, trained: Record, seed: int) -> dict[str, str]:
    weights = trained["files"][str(seed_folder(Path(), seed) / WEIGHTS)]
    return {"problem": content_of(problem_record), "weights": weights}


READING = Stage(job="read_out", work=read_out_here, record="read_out.json", files=(ARRAYS,))

if __name__ == "__main__":
    as_child(read_out_here)
