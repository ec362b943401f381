"""Any ``.h5ad`` of the user's: the study says where counts and labels are, no code is needed.

``{my_pbmc: {dataset: h5ad, path: my.h5ad, counts: counts, batch: donor, cell_type: label}}``
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge
from scipy.sparse import csr_matrix

from bench.core.dataset import LABELS, CountData, Dataset
from bench.core.errors import Finding, UserError, mistake
from bench.data._cleaning import checked, not_counts, tidied
from bench.data._genes import top_genes

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True, kw_only=True)
class H5adConfig:
    """Where things are in the file."""

    path: str
    """The file; relative paths start where snakemake is typed."""
    counts: str = "X"
    """Where the counts are: ``X``, ``raw``, or the name of a layer."""
    batch: str = ""
    """Column of ``obs``; empty where there is none."""
    cell_type: str = ""
    """Column of ``obs``; empty where there is none."""
    perturbation: str = ""
    """Column of ``obs``; empty where there is none."""
    n_top_genes: Annotated[int, Ge(0)] = 0
    """Keep the genes with the largest Poisson deviance; 0 keeps all."""


def load(config: H5adConfig, files: Mapping[str, Path]) -> CountData:
    """The counts and labels of the file.

    Raises one :class:`UserError` with everything that is wrong: an unreadable file, values that
    are not counts (with the layers that look like counts), columns that are not there.
    """
    cells = _opened(config.path)
    missing = [*_missing_counts(cells, config), *_missing_columns(cells, config)]
    if config.counts not in _places(cells):
        raise UserError(f"{config.path} cannot be used:", missing)
    matrix, gene_names = _matrix(cells, config.counts)
    data = CountData(
        counts=matrix,
        cell_names=cells.obs_names.to_numpy(),
        gene_names=gene_names,
        labels=_labels(cells, config),
    )
    place = f"{config.path}: {config.counts}"
    checked(data, place, _advice(cells, config.counts), missing)
    data = replace(data, counts=csr_matrix(matrix))
    return tidied(top_genes(data, config.n_top_genes), place)


def _opened(path: str) -> "AnnData":
    import anndata

    file = Path(path).expanduser()
    if not file.is_file():
        raise mistake(path, None, "no such file", "paths start where snakemake is typed")
    try:
        with warnings.catch_warnings():
            # What it warns about (repeated names, old formats) is mended and recorded later.
            warnings.simplefilter("ignore")
            return anndata.read_h5ad(file)
    except Exception as error:
        # Readers of damaged files raise whatever their layers happen to raise.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        fix = "it may be truncated or not an .h5ad; copy it again"
        raise mistake(path, None, f"cannot be read: {reason}", fix) from error


def _places(cells: "AnnData") -> list[str]:
    here = ["X"] if cells.X is not None else []
    return here + (["raw"] if cells.raw is not None else []) + list(cells.layers)


def _matrix(cells: "AnnData", place: str) -> tuple[Any, np.ndarray]:
    if place == "raw":
        return cells.raw.X, cells.raw.var_names.to_numpy()
    return (cells.X if place == "X" else cells.layers[place]), cells.var_names.to_numpy()


def _advice(cells: "AnnData", tried: str) -> str:
    others = [place for place in _places(cells) if place != tried]
    fitting = [place for place in others if not not_counts(_matrix(cells, place)[0])]
    if fitting:
        return f"these look like counts: {', '.join(f'counts: {place}' for place in fitting)}"
    return "nothing else in the file looks like counts"


def _missing_counts(cells: "AnnData", config: H5adConfig) -> list[Finding]:
    places = _places(cells)
    if config.counts in places:
        return []
    return [Finding("counts", config.counts, "not in the file", _meant(config.counts, places))]


def _missing_columns(cells: "AnnData", config: H5adConfig) -> list[Finding]:
    columns = [str(column) for column in cells.obs.columns]
    asked = {name: getattr(config, name) for name in LABELS if getattr(config, name)}
    return [
        Finding(name, column, "no such column in obs", _meant(column, columns))
        for name, column in asked.items()
        if column not in columns
    ]


def _labels(cells: "AnnData", config: H5adConfig) -> dict[str, np.ndarray]:
    asked = {name: getattr(config, name) for name in LABELS}
    return {
        name: cells.obs[column].astype(object).to_numpy()
        for name, column in asked.items()
        if column in cells.obs.columns
    }


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    listed = f"there are: {', '.join(known)}" if known else "there are none"
    return f"did you mean {close[0]}? {listed}" if close else listed


DATASET = Dataset(
    label="your .h5ad",
    config=H5adConfig,
    load=load,
    provides=frozenset({"counts"}),
    on_request=frozenset(LABELS),
    reference="the user's own file",
)
