"""Train all replicates of a variant together; a failure becomes a record too."""

from pathlib import Path
from typing import Any

from bench.catalogue import card, file_of
from bench.core.problem import load
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.replicates import Order, Stage, carry_out, summary
from bench.jobs.sources import Sources
from bench.results.layout import CURVE, WEIGHTS
from bench.results.records import content_of, verified, write_record
from bench.results.settings import read_settings


@logged
def train(
    run: dict[str, Any], problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """Train missing replicates; ``record`` is the record of all replicates."""
    problem_record, folder = verified(Path(problem)), Path(record).parent
    order = Order(
        settings={**run, "paths": {"problem": str(Path(problem).with_suffix(".npz"))}},
        key=run["keys"]["train"],
        inputs={seed: {"problem": content_of(problem_record)} for seed in run["seeds"]},
        sources=Sources("train", (file_of("models", run["file"]),), run["code"]),
    )
    limits = Limits(log=log, threads=threads, minutes=minutes)
    records = carry_out(TRAINING, folder, order, limits)
    proof = {"key": order.key, "inputs": {"problem": problem_record["digest"]}}
    write_record(Path(record), proof | summary(folder, TRAINING, records))


def train_here(folder: Path) -> None:
    """Train the replicates in ``run.yaml`` in this process, one folder per replicate."""
    from bench.training.config import TrainingConfig
    from bench.training.loop import train as train_stack
    from bench.training.progress import progress
    from bench.training.records import write_replicates
    from bench.training.session import session

    run = read_settings(folder)
    variant, training = card("models", run["file"]), TrainingConfig(**run["training"])
    config = variant.config(**run["config"])
    label = f"{run['dataset']} {run['task']} {run['run']}"
    epochs = training.pretrain_epochs + training.max_epochs
    with session(training.precision, run["threads"]) as device, progress(label, epochs) as tell:
        problem = load(Path(run["paths"]["problem"]))
        result = train_stack(problem, variant, config, training, run["seeds"], device, tell)
        write_replicates(folder, result, device)


TRAINING = Stage(
    job="train", work=train_here, record="trained.json", files=(WEIGHTS, CURVE), stacked=True
)

if __name__ == "__main__":
    as_child(train_here)
