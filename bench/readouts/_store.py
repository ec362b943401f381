"""Readout arrays on disk: one archive per replicate, arrays by name, without pickle."""

from pathlib import Path

import numpy as np

from bench.core.files import replacing
from bench.core.readout import Arrays


def write(path: Path, arrays: Arrays) -> None:
    """Write the arrays of a replicate atomically."""
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read(path: Path) -> Arrays:
    """All arrays of a replicate."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
