"""Reads a part of a large ``.h5ad`` and compares its size with the published size.

Tables are read completely, matrices in blocks of rows, so that the file need not fit in memory.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from bench.core.errors import mistake

if TYPE_CHECKING:
    import h5py
    from pandas import DataFrame

ROWS_AT_A_TIME = 4096


@contextmanager
def opened(path: Path) -> Iterator["h5py.File"]:
    """The open file.  Raises UserError if the file is damaged or incomplete."""
    import h5py

    try:
        with warnings.catch_warnings(), h5py.File(path, "r") as file:
            # Published files have old formats; reading them works but causes warnings.
            warnings.simplefilter("ignore")
            yield file
    except (OSError, KeyError, ValueError) as error:
        reason = str(error).strip("'\"").splitlines()[0]
        raise mistake(str(path), None, f"cannot be read: {reason}", "delete and fetch again") from (
            error
        )


def table(file: "h5py.File", name: str, columns: tuple[str, ...] = ()) -> "DataFrame":
    """``obs`` or ``var``.  Raises KeyError if one of these columns is missing."""
    from anndata.io import read_elem

    frame = read_elem(file[name])
    if missing := [column for column in columns if column not in frame.columns]:
        raise KeyError(f"{name} has no {', '.join(missing)}")
    return frame


def selected(
    file: "h5py.File", name: str, rows: NDArray[np.bool_], columns: NDArray[np.bool_]
) -> csr_matrix:
    """The selected rows and columns of a matrix (``X``, ``layers/counts``)."""
    from anndata.io import sparse_dataset

    stored: Any = file[name]
    matrix = stored if hasattr(stored, "shape") else sparse_dataset(stored)
    parts = []
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        wanted = rows[start : start + ROWS_AT_A_TIME]
        if wanted.any():
            block = matrix[start : start + len(wanted)]
            parts.append(csr_matrix(block[wanted][:, columns]))
    return vstack(parts, format="csr") if parts else csr_matrix((0, int(columns.sum())))


def recounted(found: Mapping[str, int], published: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence if sizes differ from the published sizes; empty if they agree."""
    if dict(found) == dict(published):
        return ()
    here, there = (
        ", ".join(f"{n:,} {name}" for name, n in sizes.items()) for sizes in (found, published)
    )
    return (f"the size differs from the publication: {here}; published: {there}",)
