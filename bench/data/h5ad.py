"""Any ``.h5ad`` file of the user; the study names the places of counts and labels.

``{my_pbmc: {dataset: h5ad, path: my.h5ad, counts: counts, batch: donor, cell_type: label}}``
``{my_screen: {dataset: h5ad, path: my.h5ad, perturbation: guide, control: [NT1, NT2]}}``

Labels of combinations have a +, as in ``KLF1+CEBPA``; see :mod:`bench.data._perturbations`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CONTROL, LABELS, CountData, Dataset
from bench.core.errors import Finding, UserError, mistake
from bench.data._cleaning import clean_counts, kept_cells, not_counts, refuse_invalid
from bench.data._genes import named_genes, top_genes
from bench.data._labels import Words, filtered, labels_of, names_cells, uncertain, words
from bench.data._noticed import matching_genes, scaled_counts
from bench.data._perturbations import Faults, Named, named_perturbations
from bench.data._rare import without_rare
from bench.data._reader import Asked, Elements, read_elements
from bench.data._spelling import Spelling
from bench.data._wording import meant


@dataclass(frozen=True, kw_only=True)
class H5adConfig:
    """The places of counts and labels in the file, and how labels are written."""

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
    control: Words = CONTROL
    """The label of control cells, ignored as a part of a combination; a list is one set of
    controls. ``nan`` means the cells without a label."""
    separator: str = ""
    """What joins the parts of a combination; ``none`` if labels are never combinations. Empty
    means +, and labels that this would split wrongly are refused."""
    dose_separator: str = ""
    """What precedes a dosage in a label; ``none`` if labels have no dosage. Empty means @."""
    dosage: str = ""
    """Column of ``obs`` with the dosage of each part, joined by + like the parts; empty for 1."""
    min_cells: Annotated[int, Ge(0)] = 0
    """Leave out perturbations with fewer cells than this; controls stay."""
    keep: Words = ""
    """Words for a missing value, such as ``nan`` or ``NA``, that are labels in this file."""
    unknown: Words = ""
    """Labels of batch and cell type that mean no label, such as ``Unassigned``."""
    where: Mapping[str, Words | bool] = field(default_factory=dict)
    """Use only cells with this label (or one of a list) in a column of ``obs``: ``{qc: pass}``."""
    gene_names: str = ""
    """Column of ``var`` with the symbols of genes; empty for the names of ``var``."""
    n_top_genes: Annotated[int, Ge(0)] = 0
    """Keep the genes with the largest Poisson deviance; 0 keeps all."""


def load(config: H5adConfig, files: Mapping[str, Path]) -> CountData:
    """The counts and labels of the file.

    Raises one :class:`UserError` with all problems: values that are not counts (with the layers
    that look like counts), missing columns, labels that cannot be used; and one for an element of
    the file that cannot be read.
    """
    cells = read_elements(_asked(config))
    place = f"{config.path}: {config.counts}"
    chosen = filtered(config.where, cells.obs, len(cells.cell_names))
    labels, repairs = _labels(cells, config, chosen.keep)
    named = _perturbations(cells, config, labels)
    findings = [*_missing(cells, config), *chosen.findings, *named.findings]
    findings += _of_single_cells(config, labels)
    if cells.matrix is None:
        raise UserError(f"{config.path} cannot be used:", findings)
    data = _counts(cells, cells.matrix, config)
    advice = _advice(config, cells.places) if not_counts(cells.matrix) else ""
    refuse_invalid(data, place, advice, findings)
    data = kept_cells(data, chosen.keep)
    data = replace(
        data,
        labels={name: labels[name] for name in LABELS if name in labels},
        repairs=(*chosen.repairs, *data.repairs, *repairs, *scaled_counts(data.counts)),
    )
    return _finished(_perturbed(data, named), config, place)


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
        rare = "to leave out perturbations of few cells, set min_cells"
        perturbation = data.labels["perturbation"]
        if wrong := names_cells(perturbation, "perturbation", config.perturbation, rare):
            raise UserError(f"{place} cannot be used:", wrong)
        return replace(data, repairs=(*data.repairs, *matching_genes(data, config.gene_names)))
    return data


def _asked(config: H5adConfig) -> Asked:
    columns = [getattr(config, name) for name in (*LABELS, "dosage")]
    return Asked(
        path=config.path,
        counts=config.counts,
        obs=tuple(dict.fromkeys([*filter(None, columns), *config.where])),
        var=(config.gene_names,) if config.gene_names else (),
    )


def _labels(
    cells: Elements, config: H5adConfig, keep: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.str_]], list[str]]:
    """The labels of the chosen cells by key, dosages included, and what was changed."""
    found, repairs = {}, list[str]()
    for name in (*LABELS, "dosage"):
        column = cells.obs.get(getattr(config, name))
        if column is None:
            continue
        kept, unknown = words(config.keep), words(config.unknown)
        if name == "perturbation":
            kept, unknown = (*kept, *words(config.control)), ()
        read = labels_of(column._replace(codes=column.codes[keep]), name, kept, unknown)
        found[name] = read.values
        repairs += read.repairs if name != "dosage" else []
        repairs += uncertain(read.values, name) if name in ("batch", "cell_type") else []
    return found, repairs


def _perturbations(
    cells: Elements, config: H5adConfig, labels: Mapping[str, NDArray[np.str_]]
) -> Named:
    """Perturbations from the columns; empty if no column is set or the column is missing."""
    columns = cells.obs_columns
    if config.perturbation not in columns or (config.dosage and config.dosage not in columns):
        return Named(np.zeros(0, dtype=str), [], [])
    key = "dosage" if config.dosage else "perturbation"
    spelling = Spelling(words(config.control), config.separator, config.dose_separator)
    faults = Faults(key, getattr(config, key))
    return named_perturbations(labels["perturbation"], labels.get("dosage"), spelling, faults)


def _perturbed(data: CountData, named: Named) -> CountData:
    """The cells that have a perturbation label, with converted names."""
    if not len(named.perturbation):
        return data
    labels = {**data.labels, "perturbation": named.perturbation}
    data = replace(data, labels=labels, repairs=(*data.repairs, *named.repairs))
    return kept_cells(data, named.perturbation != "")


def _of_single_cells(config: H5adConfig, labels: Mapping[str, NDArray[np.str_]]) -> list[Finding]:
    """Findings for batches and types of one cell each."""
    return [
        finding
        for name in ("batch", "cell_type")
        if name in labels
        for finding in names_cells(labels[name], name, getattr(config, name))
    ]


def _advice(config: H5adConfig, places: list[str]) -> str:
    fitting = [one for one in places if one != config.counts and _looks_like_counts(config, one)]
    if fitting:
        return f"these look like counts: {', '.join(f'counts: {place}' for place in fitting)}"
    return "no other matrix in the file looks like counts"


def _looks_like_counts(config: H5adConfig, place: str) -> bool:
    try:
        matrix = read_elements(Asked(path=config.path, counts=place)).matrix
    except UserError:
        return False
    return matrix is not None and not not_counts(matrix)


def _missing(cells: Elements, config: H5adConfig) -> list[Finding]:
    """Findings for places and columns that the file does not have, and for keys without use."""
    missing = []
    if config.counts not in cells.places:
        fix = meant(config.counts, cells.places)
        missing.append(Finding("counts", config.counts, "not in the file", fix))
    asked = {name: getattr(config, name) for name in (*LABELS, "dosage")}
    asked |= {f"where.{column}": column for column in config.where}
    missing += [
        Finding(key, column, "no such column in obs", meant(column, cells.obs_columns))
        for key, column in asked.items()
        if column and column not in cells.obs_columns
    ]
    if config.gene_names and config.gene_names not in cells.var_columns:
        fix = meant(config.gene_names, cells.var_columns)
        missing.append(Finding("gene_names", config.gene_names, "no such column in var", fix))
    return [*missing, *_pointless(config)]


def _pointless(config: H5adConfig) -> list[Finding]:
    """Findings for keys about perturbations without the key perturbation."""
    more = {"control": CONTROL, "dosage": "", "separator": "", "dose_separator": "", "min_cells": 0}
    expected, fix = "there are no perturbations", "set the key perturbation to their column"
    return [
        Finding(name, getattr(config, name), expected, fix)
        for name, default in more.items()
        if getattr(config, name) != default and not config.perturbation
    ]


DATASET = Dataset(
    label="your .h5ad",
    config=H5adConfig,
    load=load,
    provides=frozenset({"counts"}),
    on_request=frozenset(LABELS),
    reference="the user's own file",
)
