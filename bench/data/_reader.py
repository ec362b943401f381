"""Reads what a loader needs of an ``.h5ad`` file, and nothing else of it.

HDF5 and its Python library may crash, or never end, on a damaged file.  So a child process reads
(:mod:`bench.data._hdf5_process`) and checks structure; this process never opens the file.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.errors import UserError, mistake
from bench.data import _hdf5_process
from bench.data._hdf5_matrices import element_of
from bench.data._sparse import DenseRows, checked_csr

PROGRAM = (sys.executable, "-m", _hdf5_process.__name__)
LOCKED = ("unable to lock file", "Resource temporarily unavailable")
WHOLE = "it may be truncated or not an .h5ad; copy it again"


class Asked(NamedTuple):
    """What to read; names that the file does not have are left out of the result."""

    path: str
    counts: str = "X"
    """``X``, ``raw`` or a layer; genes are named by the table that belongs to it."""
    obs: tuple[str, ...] = ()
    var: tuple[str, ...] = ()
    matrix: bool = True
    """False to read names and columns, and :class:`Sample` of the matrix."""


class Sample(NamedTuple):
    """Some of the stored entries of a matrix."""

    entries: NDArray[Any]
    """(entry,) the first ones, at most 100,000."""
    empty: NDArray[np.int64]
    """Cells without a stored entry, if the matrix is stored by cells."""


class Column(NamedTuple):
    """A column as text."""

    codes: NDArray[np.int64]
    """(entry,) index of the value; -1 where the file has no value."""
    values: list[str]


@dataclass(kw_only=True)
class Elements:
    """What was read."""

    places: list[str] = field(default_factory=list)
    """Where there are matrices: ``X``, ``raw``, layers."""
    obs_columns: list[str] = field(default_factory=list)
    var_columns: list[str] = field(default_factory=list)
    cell_names: list[str] = field(default_factory=list)
    gene_names: list[str] = field(default_factory=list)
    obs: dict[str, Column] = field(default_factory=dict)
    var: dict[str, Column] = field(default_factory=dict)
    matrix: csr_matrix | None = None
    sample: Sample | None = None


def read_elements(asked: Asked) -> Elements:
    """The elements of the file.  Raises UserError if one of them cannot be read, with its name."""
    file = Path(os.path.expanduser(asked.path))
    if not os.path.isfile(file):
        fix = "paths are relative to the folder where snakemake runs"
        raise mistake(asked.path, None, "no such file", fix)
    with _child(asked._replace(path=str(file.resolve()))) as child:
        assert child.stdout is not None
        reply = _Received(asked.path, child.stdout)
        try:
            return reply.elements()
        except _Ended:
            raise _ended(asked.path, reply.element, child.wait()) from None


@contextmanager
def _child(asked: Asked) -> Iterator[subprocess.Popen[bytes]]:
    """The process that reads, which has ended when the block ends."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    child = subprocess.Popen(
        PROGRAM,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with child.stdin:
            child.stdin.write(json.dumps(asked._asdict()).encode())
        yield child
    finally:
        child.stdout.close()
        child.kill()
        child.wait()


class _Received:
    """Reads the messages of the child."""

    def __init__(self, path: str, stream: IO[bytes]) -> None:
        self.path, self.stream, self.element = path, stream, "/"

    def elements(self) -> Elements:
        """All that was asked for."""
        found, parts = Elements(), dict[str, Any]()
        layout: Mapping[str, Any] = {}
        empty = np.zeros(0, dtype=np.int64)
        for message in self._messages():
            if "done" in message:
                found.matrix = self._matrix(layout, parts) if layout else None
                return found
            if "failed" in message:
                raise _unreadable(self.path, message)
            if "contents" in message:
                found.places, found.obs_columns, found.var_columns = message["contents"].values()
            elif message.get("names") == "obs":
                found.cell_names = message["values"]
            elif "names" in message:
                found.gene_names = message["values"]
            elif "column" in message:
                frame, name = message["column"]
                columns = found.obs if frame == "obs" else found.var
                columns[name] = Column(self._array(message), message["values"])
            elif "empty" in message:
                empty = self._array(message)
            elif "entries" in message:
                found.sample = Sample(self._array(message), empty)
            elif "matrix" in message:
                layout = message
            elif "part" in message:
                dense = layout["format"] == "dense"
                parts[message["part"]] = (self._rows if dense else self._array)(message)
        raise _Ended

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        for line in self.stream:
            message = json.loads(line)
            self.element = message.get("at", self.element)
            yield message

    def _blocks(self, message: Mapping[str, Any]) -> Iterator[NDArray[Any]]:
        """The blocks of an array, flat, until it is complete."""
        kind = np.dtype(message["array"])
        missing = int(np.prod(message["shape"], dtype=np.int64)) * kind.itemsize
        while missing > 0:
            line = self.stream.readline()
            announced = json.loads(line) if line else {}
            if "failed" in announced:
                raise _unreadable(self.path, announced)
            block = np.empty(announced.get("block", 0), dtype=np.uint8)
            if not len(block) or self.stream.readinto(block) < len(block):  # type: ignore[attr-defined]
                raise _Ended
            missing -= len(block)
            yield block.view(kind)

    def _array(self, message: Mapping[str, Any]) -> NDArray[Any]:
        whole = np.empty(int(np.prod(message["shape"])), dtype=message["array"])
        start = 0
        for block in self._blocks(message):
            whole[start : start + len(block)] = block
            start += len(block)
        return whole

    def _rows(self, message: Mapping[str, Any]) -> csr_matrix:
        rows = DenseRows(message["shape"][1], np.dtype(message["array"]))
        for block in self._blocks(message):
            rows.add(block)
        return rows.whole()

    def _matrix(self, layout: Mapping[str, Any], parts: Mapping[str, Any]) -> csr_matrix:
        if layout["format"] == "dense":
            return parts["data"]
        place = layout["matrix"]
        element = f"{self.path}: {element_of(place)}"
        return checked_csr(parts, layout["format"], layout["shape"], element)


class _Ended(Exception):
    """The child ended before its last message."""


def _unreadable(path: str, message: Mapping[str, Any]) -> UserError:
    element, reason = message["failed"], message["reason"]
    place = path if element == "/" else f"{path}: {element}"
    if any(word in reason for word in LOCKED):
        fix = "another program has the file open: close it there, or copy the file"
        return mistake(path, None, "cannot be read: it is locked", fix)
    if "file signature not found" in reason:
        return mistake(path, None, "is not an .h5ad file", "name a file that anndata wrote")
    return mistake(place, None, f"cannot be read: {reason}", message["fix"] or WHOLE)


def _ended(path: str, element: str, code: int) -> Exception:
    """Why the child ended: the machine's fault or the file's."""
    place = path if element == "/" else f"{path}: {element}"
    if code == -signal.SIGXCPU:
        reason = "cannot be read: reading does not end"
    elif code in (-signal.SIGKILL, _hdf5_process.NO_MEMORY):
        return MemoryError(f"{place}: not enough memory to read it")
    elif code >= 0:
        return RuntimeError(f"{place}: the process that reads it ended with code {code}")
    else:
        reason = f"cannot be read: the HDF5 library crashes ({signal.Signals(-code).name})"
    return mistake(place, None, reason, "the file is damaged: copy it again")
