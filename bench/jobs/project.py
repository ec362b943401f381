"""The latent of a run as pictures: two dimensions of its first replicate, a row per cell."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.dataset import KNOWN_TYPE
from bench.core.files import replacing
from bench.core.problem import Problem, load
from bench.data._store import read as read_cells
from bench.jobs.logged import logged
from bench.jobs.page_files import replicates_read, seal
from bench.parts.scoring.projection import projected

ARRAYS = ("latent", "class_probability")
"""What a run must have given to be drawn."""


@logged
def project(key: str, problem: str, cells: str, readouts: str, projection: str) -> None:
    """Draw the first replicate that was read out; an empty file where there is none."""
    path = Path(projection)
    for seed, arrays in replicates_read(Path(readouts)):
        # What is not a number was found fault with where it was scored.
        if all(np.isfinite(arrays[name]).all() for name in ARRAYS):
            names = read_cells(Path(cells)).cell_names
            table = pd.DataFrame(_drawn(load(Path(problem)), names, arrays) | {"seed": seed})
            with replacing(path) as part:
                table.to_parquet(part, index=False)
            break
    seal(path, key)


def _drawn(problem: Problem, cell_names: NDArray[np.str_], arrays: Any) -> dict[str, Any]:
    scored = problem.scored
    known_type, true_type = problem.labels[KNOWN_TYPE][scored], problem.answers["true_type"]
    return projected(cell_names[scored], true_type, known_type, *(arrays[n] for n in ARRAYS))
