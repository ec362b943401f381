"""One tiny study, run to its report once; every test asks what an edit would run again."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from desk import Desk, copied_code

USER_VARIANT = """
from dataclasses import replace

from bench.models.pvae import VARIANT as PVAE

VARIANT = replace(PVAE, label="Mine")
"""

TINY: dict[str, Any] = {
    "seeds": 2,
    "datasets": [
        {"tiny": {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}},
        {"mine": {"dataset": "h5ad", "path": "mine.h5ad", "batch": "donor", "cell_type": "type"}},
    ],
    "tasks": ["held_out_cells"],
    "training": {"max_epochs": 2, "batch_size": 16},
    "readouts": {"bounds": {"n_samples": 5}},
    "runs": {
        "nbvae": {"variant": "nbvae", "n_latent": 2, "n_hidden": 4},
        "user": {"variant": "elsewhere/my_vae.py", "n_latent": 2, "n_hidden": 4},
    },
    "baselines": ["mean"],
}


@pytest.fixture
def study() -> dict[str, Any]:
    """The tiny study, to be changed at will."""
    return copy.deepcopy(TINY)


def counts_file(path: Path, counts: Any = None) -> None:
    """A user's own file: 40 cells of two batches and two cell types."""
    drawn = np.random.default_rng(0).poisson(1.0, (40, 10)).astype(np.float32)
    labels = {"donor": ["a", "b"] * 20, "type": ["t"] * 20 + ["u"] * 20}
    cells = anndata.AnnData(
        drawn if counts is None else counts,
        obs=pd.DataFrame(labels, index=[f"cell{n}" for n in range(40)]),
    )
    cells.write_h5ad(path)


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that runs, which may be edited; tests put back what they edit."""
    return copied_code(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="session")
def finished(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The tiny study with its report, made by a copy of the code; tests only dry-run it."""
    desk = Desk(tmp_path_factory.mktemp("finished"), code)
    (desk.folder / "elsewhere").mkdir()
    (desk.folder / "elsewhere" / "my_vae.py").write_text(USER_VARIANT)
    counts_file(desk.folder / "mine.h5ad")
    desk.write(TINY)
    desk.run()
    return desk


@pytest.fixture
def new_desk(code: Path, tmp_path: Path) -> Desk:
    """An empty folder."""
    return Desk(tmp_path, code)


@pytest.fixture
def write_counts() -> Callable[..., None]:
    """Write a user's own ``.h5ad``, of these counts or of good ones."""
    return counts_file
