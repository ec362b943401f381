"""Any ``.h5ad`` file of the user; the study names the places of counts and labels.

``{my_pbmc: {dataset: h5ad, path: my.h5ad, counts: counts, batch: donor, cell_type: label}}``
``{my_screen: {dataset: h5ad, path: my.h5ad, perturbation: guide, control: [NT1, NT2]}}``

Labels of combinations have a +, as in ``KLF1+CEBPA``; see :mod:`bench.data._perturbations`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.dataset import CONTROL, LABELS, CountData, Dataset
from bench.core.errors import UserError, mistake
from bench.data._cleaning import clean_counts, kept_cells, not_counts, refuse_invalid
from bench.data._genes import named_genes, top_genes
from bench.data._h5ad_config import H5adConfig
from bench.data._h5ad_description import describe, other_counts
from bench.data._h5ad_labels import FEW_CELLS, file_labels
from bench.data._labels import names_cells
from bench.data._noticed import matching_genes, scaled_counts
from bench.data._perturbations import Named
from bench.data._rare import without_rare
from bench.data._reader import Elements


def load(config: H5adConfig, files: Mapping[str, Path]) -> CountData:
    """The counts and labels of the file.

    Raises one :class:`UserError` with all problems: values that are not counts (with the layers
    that look like counts), missing columns, labels that cannot be used; and one for an element of
    the file that cannot be read.
    """
    read = file_labels(config, matrix=True)
    cells, labels, place = read.cells, read.labels, f"{config.path}: {config.counts}"
    if cells.matrix is None:
        raise UserError(f"{config.path} cannot be used:", read.findings)
    data = _counts(cells, cells.matrix, config)
    advice = other_counts(config, cells.places) if not_counts(cells.matrix) else ""
    refuse_invalid(data, place, advice, read.findings)
    data = kept_cells(data, read.keep)
    data = replace(
        data,
        labels={name: labels[name] for name in LABELS if name in labels},
        repairs=(
            *(*read.filter_repairs, *data.repairs, *read.repairs),
            *scaled_counts(data.counts),
        ),
    )
    return _finished(_perturbed(data, read.named), config, place)


def _counts(cells: Elements, matrix: csr_matrix, config: H5adConfig) -> CountData:
    """Counts and names as they are in the file."""
    gene_names, repairs = named_genes(cells, config.gene_names)
    cell_names = np.array(cells.cell_names, dtype=str)
    return CountData(
        counts=matrix, cell_names=cell_names, gene_names=gene_names, repairs=tuple(repairs)
    )


def _finished(data: CountData, config: H5adConfig, place: str) -> CountData:
    """Without rare perturbations and unchosen genes, and with what was noticed."""
    data = top_genes(without_rare(data, config.min_cells), config.n_top_genes)
    data = clean_counts(data, place)
    if "perturbation" in data.labels:
        if CONTROL not in data.labels["perturbation"]:
            lost = "no control cell has any counts"
            raise mistake(place, None, lost, "effects need control cells")
        perturbation = data.labels["perturbation"]
        if wrong := names_cells(perturbation, "perturbation", config.perturbation, FEW_CELLS):
            raise UserError(f"{place} cannot be used:", wrong)
        matching = matching_genes(perturbation, data.gene_names, config.gene_names)
        return replace(data, repairs=(*data.repairs, *matching))
    return data


def _perturbed(data: CountData, named: Named) -> CountData:
    """The cells that have a perturbation label, with converted names."""
    if not len(named.perturbation):
        return data
    labels = {**data.labels, "perturbation": named.perturbation}
    data = replace(data, labels=labels, repairs=(*data.repairs, *named.repairs))
    return kept_cells(data, named.perturbation != "")


DATASET = Dataset(
    label="your .h5ad",
    config=H5adConfig,
    load=load,
    describe=describe,
    provides=frozenset({"counts"}),
    on_request=frozenset(LABELS),
    reference="the user's own file",
)
