"""Records: small JSON files with the inputs of a result and checksums of its files.

A record has ``key`` (digest of the required inputs, see :mod:`bench.results.keys`), ``inputs``
(sha256 of the inputs), ``files`` (sha256 of the files of the result, by their names in its folder)
and further fields.  ``digest`` is the sha256 of the record, so that any damage is detected.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.core.files import sha256_of, write_json

Record = dict[str, Any]


class Damaged(Exception):
    """Raised for a result file that is truncated, changed, or made from other inputs."""


def digest_of(content: Mapping[str, Any]) -> str:
    """The sha256 of plain data, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return sha256(text.encode()).hexdigest()


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of these files of a folder.  Raises :class:`Damaged` if one is missing."""
    return {name: _digest(Path(folder, name)) for name in names}


def write_record(path: Path, content: Mapping[str, Any]) -> Record:
    """Write a record atomically, with its digest; returns it in the form of :func:`read_record`."""
    record = {**content, "digest": digest_of(content)}
    write_json(path, record)
    return record


def read_record(path: Path) -> Record:
    """Read a record.  Raises FileNotFoundError, or :class:`Damaged` if its digest differs."""
    try:
        record = json.loads(Path(path).read_bytes())
    except ValueError:
        raise Damaged(f"{path} is no valid JSON: damaged") from None
    if not isinstance(record, dict) or not _is_whole(record):
        raise Damaged(f"{path} is not as it was written: damaged")
    return record


def find_record(path: Path) -> Record | None:
    """As :func:`read_record`; None without a valid record."""
    try:
        return read_record(path)
    except (FileNotFoundError, Damaged):
        return None


def verified(path: Path, key: str | None = None) -> Record:
    """A record with the expected key and unchanged files.

    Raises FileNotFoundError, or :class:`Damaged` with the first file that differs.
    """
    record = read_record(path)
    if key is not None and record.get("key") != key:
        raise Damaged(f"{path} was made for other settings or from other data")
    verify_files(Path(path).parent, record.get("files", {}))
    return record


def verify_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raise :class:`Damaged` with the first of these files that differs from its record."""
    for name, expected in files.items():
        if _digest(Path(folder, name)) != expected:
            raise Damaged(f"{Path(folder, name)} is not as it was written: damaged")


def content_of(record: Record) -> str:
    """The sha256 of the single file of a record."""
    (digest,) = record["files"].values()
    return str(digest)


def _is_whole(record: Record) -> bool:
    content = {name: value for name, value in record.items() if name != "digest"}
    return record.get("digest") == digest_of(content)


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing") from None
