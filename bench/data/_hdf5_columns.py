"""Columns of ``obs`` and ``var`` in an HDF5 file: codes and the text of each value.

Reads the encodings of anndata 0.7 and later, and the tables of earlier versions, which are one
compound dataset with the categories in ``uns``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data._hdf5_datasets import COPY, WRITE_AGAIN, Unreadable, encoding_of, whole

INDEXES = ("_index", "index")
LEGACY = "__categories"
"""Where anndata 0.7 wrote categories; the codes are the column."""

Coded = tuple[NDArray[np.int64], list[str]]
"""(entry,) codes, -1 for a missing value, and the text of every code."""


def columns_of(file: Any, frame: str) -> list[str]:
    """The names of the columns, without the index."""
    table = _table(file, frame)
    index = _index(table, frame)
    if _is_dataset(table):
        return [name for name in table.dtype.names if name != index]
    order = [_decoded(name) for name in table.attrs.get("column-order", ())]
    known = [name for name in order if name in table]
    others = [name for name in table if name not in (*known, index, LEGACY)]
    return [*known, *others]


def names_of(file: Any, frame: str) -> list[str]:
    """The names of cells or genes."""
    table = _table(file, frame)
    codes, values = codes_and_values(file, frame, _index(table, frame))
    texts = np.array([*values, ""], dtype=object)
    return [str(name) for name in texts[codes]]


def codes_and_values(file: Any, frame: str, name: str) -> Coded:
    """One column."""
    table = _table(file, frame)
    element = f"{frame}/{name}"
    if _is_dataset(table):
        return _from_compound(file, table, name, element)
    item = table[name]
    if _is_dataset(item):
        legacy = LEGACY in table and name in table[LEGACY]
        return _categorical(item, table[LEGACY][name]) if legacy else _factorised(whole(item))
    encoding = encoding_of(item)
    if encoding == "categorical":
        return _categorical(_child(item, "codes"), _child(item, "categories"))
    if encoding.startswith("nullable-"):
        return _nullable(_child(item, "values"), _child(item, "mask"))
    reason = f"has the encoding {encoding!r}, which is not known"
    raise Unreadable(reason, WRITE_AGAIN, element)


def _table(file: Any, frame: str) -> Any:
    if frame not in file:
        raise Unreadable("is missing: not an .h5ad file", "", frame)
    table = file[frame]
    if not _is_dataset(table) and encoding_of(table) not in ("dataframe", ""):
        reason = f"has the encoding {encoding_of(table)!r}; expected a table"
        raise Unreadable(reason, WRITE_AGAIN, frame)
    return table


def _is_dataset(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Dataset)


def _index(table: Any, frame: str) -> str:
    given = _decoded(table.attrs["_index"]) if "_index" in table.attrs else ""
    known = table.dtype.names or () if _is_dataset(table) else table
    for name in (given, *INDEXES):
        if name and name in known:
            return name
    raise Unreadable("has no index", COPY, frame)


def _child(group: Any, name: str) -> Any:
    if name not in group or not _is_dataset(group[name]):
        raise Unreadable(f"has no {name}", COPY, group.name.lstrip("/"))
    return group[name]


def _from_compound(file: Any, table: Any, name: str, element: str) -> Coded:
    """A field of the table of an old file; only this field is read."""
    if table.ndim != 1:
        raise Unreadable(f"has {table.ndim} axes; expected 1", COPY, element)
    values = table[name]
    categories = f"uns/{name}_categories"
    if values.dtype.kind in "iu" and categories in file:
        return _checked_codes(values, _texts(whole(file[categories])), element)
    return _factorised(values)


def _categorical(codes: Any, categories: Any) -> Coded:
    element = codes.name.lstrip("/")
    if codes.dtype.kind not in "iu":
        raise Unreadable(f"has type {codes.dtype}; expected whole numbers", COPY, element)
    return _checked_codes(whole(codes), _texts(whole(categories)), element)


def _checked_codes(codes: NDArray[Any], values: list[str], element: str) -> Coded:
    whole_codes = codes.astype(np.int64)
    outside = (whole_codes < -1) | (whole_codes >= len(values))
    if outside.any():
        reason = f"has {int(outside.sum()):,} codes without a category"
        raise Unreadable(reason, COPY, element)
    return whole_codes, values


def _nullable(values: Any, mask: Any) -> Coded:
    missing = whole(mask).astype(bool)
    codes, texts = _factorised(whole(values))
    if len(missing) != len(codes):
        reason = f"has {len(codes):,} values and {len(missing):,} marks"
        raise Unreadable(reason, COPY, values.parent.name.lstrip("/"))
    return np.where(missing, -1, codes), texts


def _factorised(values: NDArray[Any]) -> Coded:
    """Equal values have one code; NaN has none."""
    kinds = "biufSUO"
    if values.ndim != 1 or values.dtype.kind not in kinds:
        reason = f"has type {values.dtype}; expected text or numbers"
        raise Unreadable(reason, WRITE_AGAIN)
    if values.dtype.kind in "SUO":
        texts = _texts(values)
        known = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        return np.array([known[text] for text in texts], dtype=np.int64), list(known)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    unique, codes = np.unique(values, return_inverse=True)
    gaps = np.isnan(unique) if unique.dtype.kind == "f" else np.zeros(len(unique), dtype=bool)
    return np.where(gaps[codes], -1, codes).astype(np.int64), _texts(unique)


def _texts(values: NDArray[Any]) -> list[str]:
    """Whole numbers without a decimal point: a column of integers with a gap has type float."""
    if values.dtype.kind == "f":
        return [_number(value) for value in values]
    return [_decoded(value) for value in values]


def _number(value: Any) -> str:
    small = np.isfinite(value) and abs(value) < 1e15
    return str(int(value)) if small and value == int(value) else str(value)


def _decoded(value: Any) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise Unreadable("has text that is not UTF-8", WRITE_AGAIN) from None
