"""Any ``.h5ad`` file of the user; the study names the places of counts and labels.

``{my_pbmc: {dataset: h5ad, path: my.h5ad, counts: counts, batch: donor, cell_type: label}}``
``{my_screen: {dataset: h5ad, path: my.h5ad, perturbation: guide, control: non-targeting}}``

Labels of combinations have a +, as in ``KLF1+CEBPA``; see :mod:`bench.data._perturbations`.
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

from bench.core.dataset import CONTROL, LABELS, CountData, Dataset
from bench.core.errors import Finding, UserError, mistake
from bench.data._cleaning import clean_counts, kept_cells, not_counts, refuse_invalid
from bench.data._genes import top_genes
from bench.data._perturbations import Faults, Named, named_perturbations

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True, kw_only=True)
class H5adConfig:
    """The places of counts and labels in the file."""

    path: str
    """The file; paths are relative to the folder where snakemake runs."""
    counts: str = "X"
    """The place of the counts: ``X``, ``raw``, or the name of a layer."""
    batch: str = ""
    """Column of ``obs``; empty without such a column."""
    cell_type: str = ""
    """Column of ``obs``; empty without such a column."""
    perturbation: str = ""
    """Column of ``obs``; empty without such a column."""
    control: str = CONTROL
    """The label of control cells; ignored as a part of a combination."""
    dosage: str = ""
    """Column of ``obs`` with the dosage of each part, joined by + like the parts; empty for 1."""
    n_top_genes: Annotated[int, Ge(0)] = 0
    """Keep the genes with the largest Poisson deviance; 0 keeps all."""


def load(config: H5adConfig, files: Mapping[str, Path]) -> CountData:
    """The counts and labels of the file.

    Raises one :class:`UserError` with all problems: an unreadable file, values that are not counts
    (with the layers that look like counts), missing columns.
    """
    cells = _opened(config.path)
    missing = [*_missing_counts(cells, config), *_missing_columns(cells, config)]
    named = _perturbations(cells, config)
    if config.counts not in _places(cells):
        raise UserError(f"{config.path} cannot be used:", [*missing, *named.findings])
    matrix, gene_names = _matrix(cells, config.counts)
    data = CountData(
        counts=matrix,
        cell_names=cells.obs_names.to_numpy(),
        gene_names=gene_names,
        labels=_labels(cells, config),
    )
    place = f"{config.path}: {config.counts}"
    refuse_invalid(data, place, _advice(cells, config.counts), [*missing, *named.findings])
    data = _perturbed(replace(data, counts=csr_matrix(matrix)), named)
    return _with_controls(clean_counts(top_genes(data, config.n_top_genes), place), place)


def _perturbations(cells: "AnnData", config: H5adConfig) -> Named:
    """Perturbations from the columns; empty if no column is set or the column is missing."""
    columns = cells.obs.columns
    if config.perturbation not in columns or (config.dosage and config.dosage not in columns):
        return Named(np.zeros(0, dtype=str), [], [])
    labels = cells.obs[config.perturbation].astype(object).to_numpy()
    if not config.dosage:
        faults = Faults("perturbation", config.perturbation)
        return named_perturbations(labels, None, config.control, faults)
    dosage = cells.obs[config.dosage].astype(object).to_numpy()
    return named_perturbations(labels, dosage, config.control, Faults("dosage", config.dosage))


def _perturbed(data: CountData, named: Named) -> CountData:
    """The cells that have a perturbation label, with converted names."""
    if not len(named.perturbation):
        return data
    labels = {**data.labels, "perturbation": named.perturbation}
    data = replace(data, labels=labels, repairs=(*data.repairs, *named.repairs))
    return kept_cells(data, named.perturbation != "")


def _with_controls(data: CountData, place: str) -> CountData:
    if "perturbation" in data.labels and CONTROL not in data.labels["perturbation"]:
        raise mistake(place, None, "no control cell has any counts", "effects need control cells")
    return data


def _opened(path: str) -> "AnnData":
    import anndata

    file = Path(path).expanduser()
    if not file.is_file():
        raise mistake(
            path, None, "no such file", "paths are relative to the folder where snakemake runs"
        )
    try:
        with warnings.catch_warnings():
            # Its warnings (duplicate names, old formats) lead to repairs that are recorded later.
            warnings.simplefilter("ignore")
            return anndata.read_h5ad(file)
    except Exception as error:
        # Damaged files cause exceptions of many types.
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
    return "no other matrix in the file looks like counts"


def _missing_counts(cells: "AnnData", config: H5adConfig) -> list[Finding]:
    places = _places(cells)
    if config.counts in places:
        return []
    return [Finding("counts", config.counts, "not in the file", _meant(config.counts, places))]


def _missing_columns(cells: "AnnData", config: H5adConfig) -> list[Finding]:
    columns = [str(column) for column in cells.obs.columns]
    named = (*LABELS, "dosage")
    asked = {name: getattr(config, name) for name in named if getattr(config, name)}
    missing = [
        Finding(name, column, "no such column in obs", _meant(column, columns))
        for name, column in asked.items()
        if column not in columns
    ]
    return [*missing, *_pointless(config)]


def _pointless(config: H5adConfig) -> list[Finding]:
    """Findings for keys about perturbations without the key perturbation."""
    more = {"control": config.control != CONTROL, "dosage": bool(config.dosage)}
    expected, fix = "there are no perturbations", "set the key perturbation to their column"
    return [
        Finding(name, getattr(config, name), expected, fix)
        for name, given in more.items()
        if given and not config.perturbation
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
