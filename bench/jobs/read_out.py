"""Compute all readouts of every trained replicate; a failure becomes a record too."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.core.files import write_json
from bench.core.problem import Problem, load
from bench.jobs.asked import asked
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.replicates import Order, Records, Stage, carry_out, summary
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
    read_out_stage(READING, run, Path(problem), Path(record).parent, limits)


def read_out_here(folder: Path) -> None:
    """Compute all readouts of the replicates in ``run.yaml`` in this process."""
    run = read_settings(folder)
    problem = load(Path(run["paths"]["problem"]))
    for seed in run["seeds"]:
        arrays = arrays_of(run, problem, run["readouts"], seed)
        write(seed_folder(folder, seed) / ARRAYS, arrays)
        write_json(seed_folder(folder, seed) / RESULT, {"status": "ok"})


def read_out_stage(
    stage: Stage, run: Row, problem: Path, folder: Path, limits: Limits
) -> tuple[Record, Records]:
    """Run a stage for all trained replicates; returns the records of training and stage."""
    posed, trained = verified(problem), verified(folder / STATUS, run["keys"]["train"])
    paths = {"problem": str(problem.with_suffix(".npz")), "run": str(folder)}
    order = Order(
        settings={**run, "paths": paths},
        key=run["keys"]["read_out"],
        inputs={seed: _inputs(posed, trained, seed) for seed in _good(run, trained)},
    )
    records = carry_out(stage, folder, order, limits)
    inputs = {"problem": posed["digest"], "status": trained["digest"]}
    said = summary(folder, stage, records)
    write_record(folder / READOUTS, {"key": order.key, "inputs": inputs, **said})
    return trained, records


def arrays_of(run: Row, problem: Problem, readouts: Row, seed: int) -> Any:
    """The arrays of one replicate."""
    from bench.training.reading_out import read_out as ask
    from bench.training.records import read_weights
    from bench.training.session import session

    variant = card("models", run["file"])
    weights = read_weights(seed_folder(Path(run["paths"]["run"]), seed) / WEIGHTS)
    with session(run["training"]["precision"], run["threads"]) as device:
        config = variant.config(**run["config"])
        return ask(problem, variant, config, weights, seed, asked(readouts), device)


def _good(run: Row, trained: Record) -> list[int]:
    return [seed for seed in run["seeds"] if trained["seeds"][str(seed)]["status"] == "ok"]


def _inputs(posed: Record, trained: Record, seed: int) -> dict[str, str]:
    weights = trained["files"][str(seed_folder(Path(), seed) / WEIGHTS)]
    return {"problem": content_of(posed), "weights": weights}


READING = Stage(job="read_out", work=read_out_here, record="read_out.json", files=(ARRAYS,))

if __name__ == "__main__":
    as_child(read_out_here)
