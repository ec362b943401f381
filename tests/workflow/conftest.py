"""One small study, run to its report once; and clones to type in."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from workspace import Workspace, of_the_clone

USER_VARIANT = """
from dataclasses import replace

from bench.models.pvae import VARIANT as PVAE

VARIANT = replace(PVAE, label="Mine")
"""

SMALL: dict[str, Any] = {
    "seeds": 2,
    "datasets": [
        {"tiny": {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}},
        {"mine": {"dataset": "h5ad", "path": "mine.h5ad", "batch": "donor", "cell_type": "type"}},
    ],
    "tasks": ["held_out_cells"],
    "training": {"max_epochs": 2, "batch_size": 16},
    "readouts": {"bounds": {"n_samples": 5}},
    "metrics": ["elbo", "iwelbo"],
    "runs": {
        "nbvae": {"variant": "nbvae", "n_latent": 2, "n_hidden": 4},
        "user": {"variant": "elsewhere/my_vae.py", "n_latent": 2, "n_hidden": 4},
    },
    "baselines": ["mean"],
}


EXPENSIVE = ("finished", "failed", "searched")
"""Fixtures that run a whole study: the tests of each go to one worker, which makes it once."""


def pytest_itemcollected(item: pytest.Item) -> None:
    for name in EXPENSIVE:
        if name in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture
def study() -> dict[str, Any]:
    """The small study, to be changed at will."""
    return copy.deepcopy(SMALL)


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
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone whose small study is done; tests leave it as they found it."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"))
    (workspace.folder / "elsewhere").mkdir()
    (workspace.folder / "elsewhere" / "my_vae.py").write_text(USER_VARIANT)
    counts_file(workspace.folder / "mine.h5ad")
    workspace.write(SMALL)
    workspace.run()
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A clone in which nothing was typed yet; nothing may be left running in it."""
    made = Workspace(tmp_path)
    yield made
    assert not of_the_clone(tmp_path)


@pytest.fixture
def write_counts() -> Callable[..., None]:
    """Write a user's own ``.h5ad``, of these counts or of good ones."""
    return counts_file
