"""Files appear whole or not at all, and are on the disk before they take their name."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

PART = ".part"
"""The end of a temporary name; such a file is never read, and is removed by the next run."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that takes its place when the block ends well.

    The content is flushed to the disk before the file is renamed, so that a power cut leaves the
    old file or the new one.  Names are unique among processes and machines.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid4().hex[:12]}{PART}")
    try:
        yield part
        flush(part)
        part.replace(path)
        flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole."""
    with replacing(path) as part:
        part.write_bytes(content)


def json_text(content: Any) -> str:
    """JSON that is the same for the same content."""
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_json(path: Path, content: Any) -> None:
    """Write JSON that is the same for the same content."""
    write_text(path, json_text(content))


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf8"))


def sha256_of(path: Path) -> str:
    """Checksum of a file's content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
