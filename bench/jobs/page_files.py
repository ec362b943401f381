"""Shared functions of the jobs that make a file from a run for the report."""

from collections.abc import Iterator
from pathlib import Path

from bench.core.files import write_bytes
from bench.core.readout import Arrays
from bench.readouts._store import read
from bench.results.layout import ARRAYS, record_of, seed_folder
from bench.results.records import digests, verified, write_record


def replicates_read(readouts: Path) -> Iterator[tuple[int, Arrays]]:
    """Every replicate with successful readouts: seed and arrays."""
    done = verified(readouts)
    for seed in sorted(map(int, done["seeds"])):
        if done["seeds"][str(seed)]["status"] == "ok":
            yield seed, read(seed_folder(readouts.parent, seed) / ARRAYS)


def seal(path: Path, key: str) -> None:
    """Write the record of a file; the file is empty if the run has no data for it."""
    if not path.is_file():
        write_bytes(path, b"")
    write_record(record_of(path), {"key": key, "files": digests(path.parent, [path.name])})
