"""Whether a file is of the kind that its name says, from its first bytes.

A server that has lost a file, or wants a login, often answers with a page instead of an error.
"""

from pathlib import Path

START = {
    ".h5": b"\x89HDF\r\n\x1a\n",
    ".h5ad": b"\x89HDF\r\n\x1a\n",
    ".hdf5": b"\x89HDF\r\n\x1a\n",
    ".gz": b"\x1f\x8b",
    ".tgz": b"\x1f\x8b",
    ".zip": b"PK\x03\x04",
    ".npz": b"PK\x03\x04",
    ".bz2": b"BZh",
    ".xz": b"\xfd7zXZ\x00",
    ".parquet": b"PAR1",
}
"""The first bytes of a file, by the end of its name."""

PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
"""How pages of a web server begin, in lower case."""


def why_wrong_kind(path: Path) -> str:
    """Why a file is not what its name says; empty if it may be."""
    with path.open("rb") as file:
        start = file.read(512)
    suffix = path.suffix.lower()
    if suffix not in (".html", ".xml") and start.lstrip().lower().startswith(PAGES):
        return "is a page of a web server, not data"
    if not start:
        return "is empty"
    if not start.startswith(START.get(suffix, b"")):
        return f"does not begin as a file that ends in {suffix} does"
    return ""
