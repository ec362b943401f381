"""Apply a task to a dataset: writes the problem with its split, shared by all competitors."""

from pathlib import Path
from typing import Any

from bench.catalogue import card, file_of
from bench.core.problem import save
from bench.core.seeds import numpy_generator
from bench.data._store import read
from bench.jobs.logged import logged
from bench.jobs.sources import Sources
from bench.parts.splits.remarks import remarks
from bench.results.keys import problem_key
from bench.results.layout import record_of
from bench.results.records import digests, verified, write_record


@logged
def make_problem(task: dict[str, Any], split: int, dataset: str, cells: str, problem: str) -> None:
    """Write ``problem`` and its record."""
    file, data = Path(problem), verified(record_of(Path(cells)), task["data"])
    record_of(file).unlink(missing_ok=True)
    entry = card("tasks", task["task"])
    generator = numpy_generator("split", dataset, task["task"], split)
    config = entry.config(**task["config"])
    counts = read(Path(cells))
    made = entry.problem_of(counts, config, split, generator)
    save(made, file)
    Sources("make_problem", (file_of("tasks", task["task"]),), task["code"]).need_planned()
    key = problem_key(dataset, data["key"], task, split)
    proof = {"key": key, "inputs": {"data": data["digest"]}, "remarks": remarks(counts, made)}
    write_record(record_of(file), proof | {"files": digests(file.parent, [file.name])})
