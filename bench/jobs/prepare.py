"""Load a dataset, clean it, and write it in the common format for all tasks."""

from pathlib import Path
from typing import Any

from bench.catalogue import card, file_of
from bench.core.errors import mistake
from bench.core.files import sha256_of
from bench.data._cleaning import clean_counts
from bench.data._store import write
from bench.jobs.logged import logged
from bench.jobs.sources import Sources
from bench.results.keys import dataset_key
from bench.results.layout import record_of
from bench.results.records import digests, verified, write_record


@logged
def prepare(dataset: dict[str, Any], fetched: str | None, cells: str) -> None:
    """Write ``cells`` and its record."""
    file = Path(cells)
    record_of(file).unlink(missing_ok=True)
    entry = card("data", dataset["dataset"])
    data = entry.load(entry.config(**dataset["config"]), _files(fetched))
    write(clean_counts(data, dataset["dataset"]), file)
    _need_unchanged(dataset["contents"])
    Sources("prepare", (file_of("data", dataset["dataset"]),), dataset["code"]).need_planned()
    files = digests(file.parent, [file.name])
    proof = {"key": dataset_key(dataset), "inputs": dataset["contents"], "files": files}
    write_record(record_of(file), proof)


def _files(fetched: str | None) -> dict[str, Path]:
    """The verified downloads by name."""
    if fetched is None:
        return {}
    folder, record = Path(fetched).parent, verified(Path(fetched))
    return {name: folder / path for name, path in record["paths"].items()}


def _need_unchanged(contents: dict[str, str]) -> None:
    for path, planned in contents.items():
        if sha256_of(Path(path)) != planned:
            fix = "run the same command again, which makes a new plan"
            raise mistake(path, None, "changed since this study was planned", fix)
