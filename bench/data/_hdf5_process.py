"""The program that reads an ``.h5ad`` file for :mod:`bench.data._reader`, in a process of its own.

HDF5 may crash, or never end, on a damaged file; then only this process ends.  It reads a request
from its standard input (JSON) and writes messages to its standard output: one line of JSON each.

    {"at": "obs/batch"}                              what is read next
    {"contents": {"places": ["X", "raw"], ...}}      what the file has
    {"names": "obs", "values": ["cell_0", ...]}
    {"column": "obs/batch", "values": [...], "array": "<i8", "shape": [80]}    codes of the values
    {"matrix": "X", "format": "csr", "shape": [80, 25]}
    {"empty": "X", "array": "<i8", "shape": [2]}     cells without an entry
    {"entries": "X", "array": "<f4", "shape": [100000]}    the first ones
    {"part": "data", "array": "<f4", "shape": [412]}
    {"block": 1648}                                  bytes of the array that follow this line
    {"failed": "uns", "reason": "...", "fix": "..."}  the last message, or
    {"done": true}
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import numpy as np

from bench.data._hdf5_columns import codes_and_values, columns_of, names_of
from bench.data._hdf5_datasets import (
    COPY,
    Unreadable,
    blocks,
    first_entries,
    stored_type,
    whole,
)
from bench.data._hdf5_matrices import element_of, parts_of, places_of

START_S, BYTES_PER_S = 10, 20_000_000
"""Limit of CPU time: a constant, and the lowest speed at which a healthy file is read."""

SAMPLE = 100_000
"""Entries of a matrix that are read to tell counts from other values."""

NO_MEMORY = 12
"""Exit code."""


class Reply:
    """Writes messages, and knows the element that is read at the moment."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.element = stream, "/"

    def at(self, element: str, n_bytes: int = 0) -> None:
        """Say which element comes next, and allow the CPU time that its size needs."""
        self.element = element
        limit_cpu(n_bytes)
        self.say(at=element)

    def say(self, **message: Any) -> None:
        """Send one message."""
        self.stream.write(json.dumps(message).encode() + b"\n")
        self.stream.flush()

    def array(self, parts: Iterable[Any], kind: str, shape: Sequence[int], **message: Any) -> None:
        """Send an array, some rows at a time."""
        self.say(**message, array=kind, shape=list(shape))
        for part in parts:
            block = np.ascontiguousarray(part, dtype=kind)
            self.say(block=block.nbytes)
            self.stream.write(block.tobytes())


def limit_cpu(n_bytes: int) -> None:
    """Allow this process some seconds from now on; the kernel ends it after these."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + START_S + n_bytes // BYTES_PER_S
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def no_core_file() -> None:
    """A crash leaves no copy of the memory in the user's folder."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: dict[str, Any], reply: Reply) -> None:
    """Send what is asked for and is in the file."""
    import h5py

    with h5py.File(request["path"], "r") as file:
        reply.at("obs")
        places, of_cells = places_of(file), columns_of(file, "obs")
        frame = "raw/var" if request["counts"] == "raw" and "raw" in places else "var"
        frame = "raw.var" if frame == "raw/var" and "raw.var" in file else frame
        reply.at(frame)
        of_genes = columns_of(file, frame)
        reply.say(contents={"places": places, "obs": of_cells, "var": of_genes})
        shape = (_send_names(file, "obs", reply), _send_names(file, frame, reply))
        wanted = [("obs", name) for name in request["obs"] if name in of_cells]
        wanted += [(frame, name) for name in request["var"] if name in of_genes]
        for of, name in wanted:
            _send_column(file, of, name, shape[of != "obs"], reply)
        if request["counts"] in places:
            send = _send_matrix if request["matrix"] else _send_sample
            send(file, request["counts"], shape, reply)


def _send_names(file: Any, frame: str, reply: Reply) -> int:
    reply.at(frame)
    names = names_of(file, frame)
    reply.say(names=frame.split("/")[-1].split(".")[-1], values=names)
    return len(names)


def _send_column(file: Any, frame: str, name: str, length: int, reply: Reply) -> None:
    reply.at(f"{frame}/{name}")
    codes, values = codes_and_values(file, frame, name)
    if len(codes) != length:
        raise Unreadable(f"has {len(codes):,} entries; expected {length:,}", COPY)
    kind = frame.split("/")[-1].split(".")[-1]
    reply.array([codes], "<i8", codes.shape, column=[kind, name], values=values)


def _send_matrix(file: Any, place: str, shape: tuple[int, int], reply: Reply) -> None:
    reply.at(element_of(place))
    layout, parts = parts_of(file, place, shape)
    reply.say(matrix=place, format=layout, shape=list(shape))
    for name, dataset in parts.items():
        kind = stored_type(dataset)
        reply.at(dataset.name.lstrip("/"), dataset.size * kind.itemsize)
        reply.array(blocks(dataset), kind.str, dataset.shape, part=name)


def _send_sample(file: Any, place: str, shape: tuple[int, int], reply: Reply) -> None:
    reply.at(element_of(place))
    layout, parts = parts_of(file, place, shape)
    empty = np.zeros(0, dtype="<i8")
    if layout == "csr":
        empty = np.flatnonzero(np.diff(whole(parts["indptr"])) == 0)
    reply.array([empty], "<i8", empty.shape, empty=place)
    entries = first_entries(parts["data"], SAMPLE)
    reply.array([entries], stored_type(parts["data"]).str, entries.shape, entries=place)


def main() -> None:
    """Answer one request."""
    limit_cpu(0)
    no_core_file()
    # Nothing that a library prints may come between the messages.
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    reply = Reply(stream)
    try:
        answer(json.load(sys.stdin), reply)
        reply.say(done=True)
    except Unreadable as fault:
        reply.say(failed=fault.element or reply.element, reason=fault.reason, fix=fault.fix)
    except MemoryError:
        os._exit(NO_MEMORY)
    except Exception as error:  # HDF5 reports damage by exceptions of many types
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        reply.say(failed=reply.element, reason=reason, fix="")


if __name__ == "__main__":
    main()
