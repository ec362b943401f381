"""Download and verify the remote files of a dataset; they are shared by all studies."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.data._download import fetch as download
from bench.jobs.logged import logged
from bench.results.records import digests, write_record


@logged
def fetch(dataset: dict[str, Any], done: str) -> None:
    """Download into the folder of ``done``, which records the checksums."""
    folder = Path(done).parent
    found = download(card("data", dataset["dataset"]).sources, folder)
    paths = {name: str(path.relative_to(folder)) for name, path in found.items()}
    key = dataset["fetch_code"]
    record = {"key": key, "paths": paths, "files": digests(folder, paths.values())}
    write_record(Path(done), record)
