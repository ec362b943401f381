"""The latent of a run in two dimensions: a row per cell, of its first replicate.

Columns: those of :func:`bench.parts.scoring.projection.projected`, and ``seed``.  Made on the first
split alone, because UMAP takes longer than reading out.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.core.dataset import KNOWN_TYPE
from bench.core.page_file import PageFile, Replicate
from bench.core.problem import Problem, load
from bench.data._store import read as read_cells
from bench.parts.scoring.projection import projected

ARRAYS = ("latent", "class_probability")


def make(replicates: Iterable[Replicate], paths: Mapping[str, Path]) -> Iterator[pd.DataFrame]:
    for seed, arrays in replicates:
        # Values that are not finite were reported where the run was scored.
        if all(np.isfinite(arrays[name]).all() for name in ARRAYS):
            names = read_cells(paths["cells"]).cell_names
            columns = _projected(load(paths["problem"]), names, arrays)
            yield pd.DataFrame(columns | {"seed": seed})
            return


def _projected(problem: Problem, cell_names: NDArray[np.str_], arrays: Any) -> dict[str, Any]:
    scored = problem.scored_rows
    known_type, true_type = problem.labels[KNOWN_TYPE][scored], problem.targets["true_type"]
    return projected(cell_names[scored], true_type, known_type, *(arrays[n] for n in ARRAYS))


PAGE_FILE = PageFile(
    label="latent in two dimensions",
    format="parquet",
    needs=frozenset({*ARRAYS, "true_type"}),
    reads=frozenset({"problem", "cells"}),
    splits="first",
    make=make,
)
