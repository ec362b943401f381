"""From what was read out of a run to the pictures of its latent, as a table with a row per cell."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.dataset import KNOWN_TYPE
from bench.core.files import replacing
from bench.core.problem import Problem, load
from bench.data._store import read as read_cells
from bench.parts.projection import projected
from bench.readouts._store import read, seeds_in

ARRAYS = ("latent", "class_probability")
"""What a run must have given to be drawn."""


def write_projection(problem: Path, cells: Path, path: Path) -> None:
    """Draw the first seed of the archive beside ``path``; an empty file where there is none."""
    archive = path.with_name("readouts.npz")
    seeds = seeds_in(archive)
    arrays = read(archive, seeds[0]) if seeds else {}
    # What is not a number was found fault with where it was scored.
    if not arrays or not all(np.isfinite(arrays[name]).all() for name in ARRAYS):
        path.write_bytes(b"")
        return
    drawn = _drawn(load(problem), read_cells(cells).cell_names, arrays)
    table = pd.DataFrame(drawn | {"seed": seeds[0]})
    with replacing(path) as part:
        table.to_parquet(part, index=False)


def _drawn(problem: Problem, cell_names: NDArray[np.str_], arrays: Any) -> dict[str, Any]:
    scored = problem.scored
    known_type, true_type = problem.labels[KNOWN_TYPE][scored], problem.answers["true_type"]
    return projected(cell_names[scored], true_type, known_type, *(arrays[n] for n in ARRAYS))
