"""Cached digests of files: a file is read again only if its state has changed.

The state of a file is its inode, size, and times of modification and change.  Users cannot set the
time of change, so the state also changes if an older file replaces a newer one.
"""

import json
import os
from pathlib import Path
from typing import Self

from bench.core.files import sha256_of, write_text

State = list[int]


class Digests:
    """The sha256 of files by path, cached in one file between runs."""

    def __init__(self, memory: Path) -> None:
        self.memory = Path(memory)
        self.known: dict[str, tuple[State, str]] = _read(self.memory)
        self.asked: dict[str, tuple[State, str]] = {}

    def of(self, path: Path) -> str | None:
        """The sha256 of a file; None without a file.  Raises OSError if it is unreadable."""
        path = Path(path)
        try:
            state = state_of(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        name = os.path.abspath(path)
        remembered = self.asked.get(name) or self.known.get(name)
        if remembered is None or remembered[0] != state:
            remembered = (state, sha256_of(path))
            if state_of(path) != state:
                raise OSError(f"{path} changes while it is read")
        self.asked[name] = remembered
        return remembered[1]

    def save(self, keep: bool = True) -> None:
        """Write the cache: the digests used by this object, and with ``keep`` all earlier ones."""
        content = (self.known if keep else {}) | self.asked
        write_text(self.memory, json.dumps(content))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if any(self.known.get(name) != found for name, found in self.asked.items()):
            self.save()


def state_of(path: Path) -> State:
    """The state of a file; follows links."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read(memory: Path) -> dict[str, tuple[State, str]]:
    try:
        held = json.loads(memory.read_text(encoding="utf8"))
        return {name: (state, digest) for name, (state, digest) in held.items()}
    except (OSError, ValueError, AttributeError):
        # The cache only saves time: without it every file is read again.
        return {}
