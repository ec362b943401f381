"""Finds the matrices of an HDF5 file, and checks what they declare before an entry is read."""

from typing import Any

from bench.data._hdf5_datasets import COPY, WRITE_AGAIN, Unreadable, encoding_of, stored_type

LAYOUTS = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}
"""By the attribute ``encoding-type``, and by ``h5sparse_format`` of old files."""

LAYERS = "layers/"

OLD_RAW = "raw.X"
"""Where anndata before 0.7 wrote the matrix of ``raw``."""


def places_of(file: Any) -> list[str]:
    """``X``, ``raw`` and the names of layers, as far as the file has them.

    A layer that is called ``X`` or ``raw`` has its folder before its name.
    """
    here = ["X"] if "X" in file and encoding_of(file["X"]) != "null" else []
    here += ["raw"] if ("raw" in file and "X" in file["raw"]) or OLD_RAW in file else []
    layers = list(file["layers"]) if "layers" in file else []
    return here + [f"{LAYERS}{name}" if name in ("X", "raw") else name for name in layers]


def parts_of(file: Any, place: str, shape: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    """The layout (dense, csr, csc) and its datasets, which have the sizes that ``shape`` needs."""
    import h5py

    item = file[_address(file, place)]
    if isinstance(item, h5py.Dataset):
        return _dense(item, shape)
    named = item.attrs.get("h5sparse_format", "")
    encoding = encoding_of(item) or (named.decode() if isinstance(named, bytes) else str(named))
    if encoding not in LAYOUTS:
        reason = f"has the encoding {encoding!r}, which is not known"
        raise Unreadable(reason, WRITE_AGAIN)
    declared = item.attrs.get("shape", item.attrs.get("h5sparse_shape", ()))
    _need(tuple(int(n) for n in declared), shape, item)
    names = ("indptr", "indices", "data")
    if lost := [n for n in names if not isinstance(item.get(n), h5py.Dataset)]:
        raise Unreadable(f"has no {' and no '.join(lost)}", COPY)
    layout = LAYOUTS[encoding]
    parts = {name: item[name] for name in names}
    _check_sparse(parts, shape[0] if layout == "csr" else shape[1])
    return layout, parts


def element_of(place: str) -> str:
    """The element of the file, without distinction of old versions."""
    return place if place in ("X", "raw") else f"{LAYERS}{place.removeprefix(LAYERS)}"


def _address(file: Any, place: str) -> str:
    if place == "raw":
        return OLD_RAW if OLD_RAW in file else "raw/X"
    return element_of(place)


def _dense(item: Any, shape: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    if encoding_of(item) not in ("array", ""):
        reason = f"has the encoding {encoding_of(item)!r}, which is not known"
        raise Unreadable(reason, WRITE_AGAIN)
    _need(item.shape, shape, item)
    stored_type(item)
    return "dense", {"data": item}


def _need(declared: tuple[int, ...], shape: tuple[int, int], item: Any) -> None:
    if declared != shape:
        expected = f"{shape[0]:,} cells and {shape[1]:,} genes"
        reason = f"has the shape {declared}; the names are those of {expected}"
        raise Unreadable(reason, COPY, item.name.lstrip("/"))


def _check_sparse(parts: dict[str, Any], n_major: int) -> None:
    stored_type(parts["data"])
    for name in ("indptr", "indices"):
        if parts[name].dtype.kind not in "iu":
            reason = f"has type {parts[name].dtype}; expected whole numbers"
            raise Unreadable(reason, COPY, parts[name].name.lstrip("/"))
    n_entries = parts["data"].size
    expected = {"indptr": n_major + 1, "indices": n_entries, "data": n_entries}
    for name, length in expected.items():
        if parts[name].shape != (length,):
            reason = f"has the shape {parts[name].shape}; expected {length:,} entries"
            raise Unreadable(reason, COPY, parts[name].name.lstrip("/"))
