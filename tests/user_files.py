"""Small ``.h5ad`` files as users have them, and what loading them leads to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.data.h5ad import H5adConfig, load

N_GENES = 6


def counts_of(n_cells: int) -> np.ndarray:
    """Counts above 0, so that no cell is left out."""
    return np.random.default_rng(3).poisson(3.0, size=(n_cells, N_GENES)) + 1


def user_file(folder: Path, genes: Sequence[str] = (), **columns: Any) -> str:
    """A file of such counts with these columns of ``obs``."""
    n_cells = len(next(iter(columns.values())))
    obs = pd.DataFrame(columns)
    obs.index = pd.Index([f"c{i}" for i in range(n_cells)])
    var = pd.DataFrame(index=list(genes) or [f"g{j}" for j in range(N_GENES)])
    cells = anndata.AnnData(csr_matrix(counts_of(n_cells).astype(np.float32)), obs=obs, var=var)
    cells.write_h5ad(folder / "mine.h5ad")
    return str(folder / "mine.h5ad")


def loaded(path: str, **config: Any) -> CountData:
    """What the loader returns."""
    return load(H5adConfig(path=path, **config), {})


def refused(path: str, **config: Any) -> str:
    """The message of the loader, which has to refuse the file."""
    with pytest.raises(UserError) as caught:
        loaded(path, **config)
    return str(caught.value)
