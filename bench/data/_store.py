"""Prepared counts on disk: one ``.h5ad`` file, readable by scanpy and written atomically.

X has the counts or values, ``obs`` the labels, ``layers`` the true values per entry, ``obsm`` the
true values per cell, ``uns`` the rest.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.dataset import LABELS, CountData
from bench.core.files import replacing
from bench.data._cleaning import PER_CELL, PER_ENTRY

REPAIRS, MEASURED = "repairs", "measured"
PER_DATASET = ("inverse_dispersion", "true_mask", "true_embedding", "true_effect")


def write(data: CountData, path: Path) -> None:
    """Write tidied counts as one compressed ``.h5ad``."""
    import anndata
    import pandas as pd

    def held(names: tuple[str, ...]) -> dict[str, Any]:
        return {name: np.asarray(data.truth[name]) for name in names if name in data.truth}

    cells = anndata.AnnData(
        X=data.counts,
        obs=pd.DataFrame(
            {name: pd.Categorical(values) for name, values in data.labels.items()},
            index=pd.Index(data.cell_names.astype(object)),
        ),
        var=pd.DataFrame(index=pd.Index(data.gene_names.astype(object))),
        layers=held(PER_ENTRY),
        obsm=held(PER_CELL),
        uns=held(PER_DATASET) | {REPAIRS: json.dumps(data.repairs), MEASURED: data.measured},
    )
    with replacing(path) as part:
        cells.write_h5ad(part, compression="gzip")


def read(path: Path) -> CountData:
    """Read a file from :func:`write`."""
    import anndata

    cells = anndata.read_h5ad(path)
    rest = {name: cells.uns[name] for name in PER_DATASET if name in cells.uns}
    truth = {**cells.layers, **cells.obsm, **rest}
    return CountData(
        counts=csr_matrix(cells.X),
        cell_names=cells.obs_names.to_numpy().astype(str),
        gene_names=cells.var_names.to_numpy().astype(str),
        labels={
            name: cells.obs[name].to_numpy().astype(str) for name in LABELS if name in cells.obs
        },
        truth={name: np.asarray(values) for name, values in truth.items()},
        repairs=tuple(json.loads(cells.uns[REPAIRS])),
        measured=cells.uns[MEASURED],
    )
