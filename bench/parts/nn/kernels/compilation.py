"""How the kernels are compiled: once per installation, by one process at a time.

numba writes what it compiles into the folder ``NUMBA_CACHE_DIR`` if it is set, else beside the
source if that folder can be written, else into the user's cache.  It notices only changes of the
file of the called function, so the cache is emptied here when any file of this folder has changed.
Several jobs start at once and all need the same function: the first call in a process takes a lock
on a file in the cache, so that one process compiles and the others load.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

HERE = Path(__file__).parent
LOCK = "scvaebench_kernels.lock"

EXACT = {"contract", "nsz"}
"""Rounding as written: elementary functions subtract what nearly cancels."""

REORDERED = EXACT | {"reassoc", "arcp"}
"""Sums in any order, so that loops over genes are vectorised.  The flags that let the compiler
assume finite numbers are missing: NaN in means NaN out."""


def elementwise(function: Callable[..., Any]) -> Any:
    """A function that loops over genes call.  A loop with a call in it is not vectorised, so that
    the compiler must always inline it."""
    return njit(fastmath=EXACT, error_model="numpy", forceinline=True)(function)


def over_genes(function: Callable[..., Any]) -> Any:
    """A loop over the genes of a row that kernels call."""
    return njit(fastmath=REORDERED, error_model="numpy")(function)


class Kernel:
    """A compiled function whose first call for each combination of types holds the lock."""

    def __init__(self, function: Callable[..., Any]) -> None:
        options: dict[str, Any] = {"fastmath": REORDERED, "error_model": "numpy"}
        try:
            self.compiled = njit(cache=True, **options)(function)
        except RuntimeError:  # No folder can be written: compile in every process.
            self.compiled = njit(**options)(function)
        self.ready: set[tuple[Any, ...]] = set()

    def __call__(self, *arguments: Any) -> None:
        """Run the function; compile it or load it from the cache first if necessary."""
        types = tuple(getattr(one, "dtype", None) for one in arguments)
        if types in self.ready:
            self.compiled(*arguments)
            return
        with locked(self.folder):
            drop_outdated(self.folder)
            self.compiled(*arguments)
        self.ready.add(types)

    @property
    def folder(self) -> Path | None:
        """The cache of this function; None if there is none."""
        path = self.compiled.stats.cache_path
        return Path(path) if path else None


@contextmanager
def locked(folder: Path | None) -> Iterator[None]:
    """Exclude other processes that compile into this folder."""
    path = Path(tempfile.gettempdir()) / f"{LOCK}.{os.getuid()}"
    if folder is not None and os.access(folder, os.W_OK):
        path = folder / LOCK
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def drop_outdated(folder: Path | None) -> None:
    """Delete what other versions of these files left in the cache."""
    if folder is None or not folder.exists():
        return
    version = sources()
    stamp = folder / "kernels.sha256"
    if stamp.exists() and stamp.read_text() == version:
        return
    for old in folder.glob("*.nb[ic]"):
        old.unlink()
    stamp.write_text(version)


def sources() -> str:
    """Digest of the files of this folder."""
    digest = sha256()
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
