"""Results as jobs leave them, written by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.core.problem import Problem, save
from bench.readouts import _store as readouts_store
from bench.results.layout import ARRAYS, READOUTS, record_of, seed_folder
from bench.results.records import digests, write_record


def readouts(run: Path, seeds: Mapping[int, Mapping[str, Any]]) -> Path:
    """The arrays of these replicates, and the record of the run's read-out, which is returned."""
    names = []
    for seed, arrays in seeds.items():
        readouts_store.write(seed_folder(run, seed) / ARRAYS, dict(arrays))
        names.append(str(seed_folder(Path(), seed) / ARRAYS))
    said = {str(seed): {"status": "ok"} for seed in seeds}
    write_record(run / READOUTS, {"key": "k", "seeds": said, "files": digests(run, names)})
    return run / READOUTS


def problem(posed: Problem, path: Path, key: str = "k") -> Path:
    """A problem and its record, which is returned."""
    save(posed, path)
    record = {"key": key, "inputs": {}, "files": digests(path.parent, [path.name])}
    write_record(record_of(path), record)
    return record_of(path)
