"""Compute all metrics of every replicate; a failed metric is a record and not a failed seed."""

from pathlib import Path
from typing import Any

from bench.catalogue import metric, metric_file
from bench.core.files import write_json
from bench.core.metric import MetricName
from bench.core.problem import load
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.reasons import shortened
from bench.jobs.replicates import Order, Stage, carry_out, summary
from bench.jobs.sources import Sources
from bench.metrics._scoring import Scored, score_all
from bench.readouts._store import read
from bench.results.layout import ARRAYS, READOUTS, RESULT, SCORES, seed_folder
from bench.results.records import Record, content_of, verified, write_record
from bench.results.settings import read_settings


@logged
def score(
    run: dict[str, Any], problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """Score missing replicates; ``scores.json`` is the record of all replicates."""
    problem_record, run_folder = verified(Path(problem)), Path(record).parent
    done = verified(run_folder / READOUTS, run["keys"]["read_out"])
    paths = {"problem": str(Path(problem).with_suffix(".npz")), "run": str(run_folder)}
    order = Order(
        settings={**run, "paths": paths},
        key=run["keys"]["score"],
        inputs={seed: _inputs(problem_record, done, seed) for seed in _good(run, done)},
        sources=Sources(
            "score", tuple(dict.fromkeys(map(metric_file, run["metrics"]))), run["code"]
        ),
    )
    limits = Limits(log=log, threads=threads, minutes=minutes)
    fields = summary(run_folder, SCORING, carry_out(SCORING, run_folder, order, limits))
    inputs = {"problem": problem_record["digest"], "readouts": done["digest"]}
    write_record(run_folder / SCORES, {"key": order.key, "inputs": inputs, **fields})


def score_here(folder: Path) -> None:
    """Score the replicates in ``run.yaml`` in this process."""
    run = read_settings(folder)
    problem = load(Path(run["paths"]["problem"]))
    metrics = {MetricName.parse(name).in_tables: metric(name) for name in run["metrics"]}
    for seed in run["seeds"]:
        arrays = read(seed_folder(Path(run["paths"]["run"]), seed) / ARRAYS)
        scored = _bounded(score_all(metrics, arrays, problem))
        write_json(seed_folder(folder, seed) / RESULT, {"status": "ok", **scored._asdict()})


def _good(run: dict[str, Any], done: Record) -> list[int]:
    states = done["seeds"]
    return [seed for seed in run["seeds"] if states.get(str(seed), {}).get("status") == "ok"]


def _inputs(problem_record: Record, done: Record, seed: int) -> dict[str, str]:
    arrays = done["files"][str(seed_folder(Path(), seed) / ARRAYS)]
    return {"problem": content_of(problem_record), "readouts": arrays}


def _bounded(scored: Scored) -> Scored:
    """Shorten reasons, which may come from a user's file."""
    unscored = [row | {"reason": shortened(row["reason"])} for row in scored.unscored]
    return scored._replace(unscored=unscored)


SCORING = Stage(job="score", work=score_here, record="scored.json", files=())

if __name__ == "__main__":
    as_child(score_here)
