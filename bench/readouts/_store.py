"""Readout arrays on disk: one archive per run, ``<seed>.<array>``, read one array at a time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.core.files import replacing
from bench.core.readout import Arrays


def write(path: Path, arrays: Mapping[int, Arrays]) -> None:
    """Write the arrays of every seed, whole or not at all."""
    flat = {
        f"{seed}.{name}": array for seed, named in arrays.items() for name, array in named.items()
    }
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **flat)


def seeds_in(path: Path) -> list[int]:
    """Seeds that were read out, ascending; none where an empty file stands in for the archive."""
    if not Path(path).stat().st_size:
        return []
    with np.load(path) as file:
        return sorted({int(key.partition(".")[0]) for key in file.files})


def read(path: Path, seed: int) -> Arrays:
    """All arrays of one seed."""
    with np.load(path) as file:
        mine = [key for key in file.files if key.partition(".")[0] == str(seed)]
        return {key.partition(".")[2]: file[key] for key in mine}
