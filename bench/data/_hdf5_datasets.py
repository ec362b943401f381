"""Checks and reads single HDF5 datasets: what the file declares is what the file stores."""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, prod
from typing import Any

import numpy as np

COPY = "the file is damaged: copy it again"
WRITE_AGAIN = "write the file again with anndata"

LARGEST_BLOCK = 16_000_000
"""Bytes that are read at once, unless a single chunk is larger."""

SMALLEST_CHUNK_SHARE = 2_000
"""A chunk is not compressed to less than this share: deflate reaches about 1,000."""

TEXT_BYTES = 16


class Unreadable(Exception):
    """Why an element cannot be read; ``element`` if it is not the one announced."""

    def __init__(self, reason: str, fix: str, element: str = "") -> None:
        super().__init__(reason)
        self.reason, self.fix, self.element = reason, fix, element


def encoding_of(item: Any) -> str:
    """The attribute ``encoding-type`` of anndata; empty without one."""
    found = item.attrs.get("encoding-type", "")
    return found.decode() if isinstance(found, bytes) else str(found)


def stored_type(dataset: Any) -> np.dtype[Any]:
    """The type of its numbers in memory: native, no half precision, at most 8 bytes."""
    kind = dataset.dtype
    if kind.kind not in "biuf":
        raise Unreadable(f"has type {kind}; expected numbers", "", dataset.name.lstrip("/"))
    if kind.kind == "f":
        return np.dtype("f4") if kind.itemsize <= 4 else np.dtype("f8")
    return np.dtype("u1") if kind.kind == "b" else kind.newbyteorder("=")


def blocks(dataset: Any) -> Iterator[Any]:
    """Successive rows of a dataset, whole chunks at a time."""
    check_storage(dataset)
    if dataset.ndim == 0 or not dataset.size:
        return
    row = prod(dataset.shape[1:]) * dataset.dtype.itemsize
    chunk = dataset.chunks[0] if dataset.chunks else 1
    step = max(1, LARGEST_BLOCK // max(1, row * chunk)) * chunk
    for start in range(0, len(dataset), step):
        yield dataset[start : start + step]


def whole(dataset: Any) -> Any:
    """All entries of a dataset of one axis."""
    if dataset.ndim != 1:
        axes = f"has {dataset.ndim} axes; expected 1"
        raise Unreadable(axes, COPY, dataset.name.lstrip("/"))
    found = list(blocks(dataset))
    return np.concatenate(found) if found else np.zeros(0, dtype=dataset.dtype)


def first_entries(dataset: Any, at_most: int) -> Any:
    """(entry,) about so many entries of the first rows of a dataset, flat."""
    check_storage(dataset)
    rows = at_most // max(1, prod(dataset.shape[1:]))
    return np.ravel(dataset[: max(1, rows)])[:at_most]


def check_storage(dataset: Any) -> None:
    """Raise if the file does not store all entries, or stores them elsewhere."""
    element = dataset.name.lstrip("/")
    if dataset.is_virtual or dataset.external:
        raise Unreadable("is stored in another file", WRITE_AGAIN, element)
    n_bytes = dataset.size * _entry_bytes(dataset)
    if dataset.chunks:
        _check_chunks(dataset, element)
    elif dataset.size and dataset.id.get_storage_size() != n_bytes:
        stored = dataset.id.get_storage_size()
        raise Unreadable(f"stores {stored:,} of {n_bytes:,} bytes", COPY, element)


def _check_chunks(dataset: Any, element: str) -> None:
    """Raise unless every chunk is there once, has a possible size and no other's bytes."""
    n_bytes = prod(dataset.chunks) * _entry_bytes(dataset)
    expected = prod(ceil(n / c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    if expected * n_bytes > SMALLEST_CHUNK_SHARE * dataset.id.get_storage_size():
        stored = dataset.id.get_storage_size()
        declared = f"declares {dataset.size:,} entries, but stores {stored:,} bytes"
        if dataset.size:
            raise Unreadable(declared, COPY, element)
    found: list[Any] = []
    if dataset.size:
        dataset.id.chunk_iter(found.append)
    places = {info.chunk_offset for info in found}
    if len(places) != expected or any(not _in_grid(place, dataset) for place in places):
        missing = f"has {len(places):,} of {expected:,} blocks"
        raise Unreadable(missing, COPY, element)
    # A chunk that compression would enlarge is stored as it is, with a bit of the mask set.
    if any(info.filter_mask and info.size != n_bytes for info in found):
        raise Unreadable("has a block whose compression is not known", COPY, element)
    spans = sorted((info.byte_offset, info.byte_offset + info.size) for info in found)
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise Unreadable("has blocks at the same place of the file", COPY, element)


def _entry_bytes(dataset: Any) -> int:
    """On disk; text of any length is a length, an address and a number there."""
    return TEXT_BYTES if dataset.dtype.kind == "O" else dataset.id.get_type().get_size()


def _in_grid(place: tuple[int, ...], dataset: Any) -> bool:
    return all(
        at % chunk == 0 and at < size
        for at, chunk, size in zip(place, dataset.chunks, dataset.shape, strict=True)
    )
