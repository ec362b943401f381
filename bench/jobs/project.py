"""Two-dimensional projections of the latent of the first replicate, a row per cell."""

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
"""Arrays that a projection requires."""


@logged
def project(key: str, problem: str, cells: str, readouts: str, projection: str) -> None:
    """Project the first replicate with readouts; an empty file if there is none."""
    path = Path(projection)
    for seed, arrays in replicates_read(Path(readouts)):
        # The scores report values that are not finite.
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
