"""Write a table of a run for the report; the tables are in :mod:`bench.page_files`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from bench.catalogue import card
from bench.core.files import replacing, write_bytes
from bench.core.page_file import Replicate
from bench.core.rows import for_spreadsheet
from bench.jobs.logged import logged
from bench.readouts._store import read
from bench.results.layout import ARRAYS, page_record, seed_folder
from bench.results.records import digests, verified, write_record


@logged
def make_page_file(key: str, inputs: Mapping[str, str], table: str) -> None:
    """Write the table ``table``; an empty file if the run has no data for it.

    ``inputs`` are the record of the readouts of the run, and the files in ``reads`` of the card.
    """
    path, paths = Path(table), {name: Path(text) for name, text in inputs.items()}
    parts = list(card("page_files", path.stem).make(replicates_read(paths["readouts"]), paths))
    if parts:
        _write(pd.concat(parts), path)
    else:
        write_bytes(path, b"")
    write_record(page_record(path), {"key": key, "files": digests(path.parent, [path.name])})


def replicates_read(readouts: Path) -> Iterator[Replicate]:
    """The replicates with successful readouts, by seed, with their arrays."""
    done = verified(readouts)
    for seed in sorted(map(int, done["seeds"])):
        if done["seeds"][str(seed)]["status"] == "ok":
            yield seed, read(seed_folder(readouts.parent, seed) / ARRAYS)


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as part:
        if path.suffix == ".csv":
            plain = table.map(
                lambda value: for_spreadsheet(value) if isinstance(value, str) else value
            )
            plain.to_csv(part, index=False, float_format="%.6g")
        else:
            table.to_parquet(part, index=False)
