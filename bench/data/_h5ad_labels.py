"""The columns of a user's ``.h5ad`` file as labels of cells, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, LABELS
from bench.core.errors import Finding
from bench.data._h5ad_config import H5adConfig
from bench.data._labels import MISSING, filtered, labels_of, names_cells, uncertain, words
from bench.data._perturbations import Faults, Named, named_perturbations
from bench.data._reader import Asked, Elements, read_elements
from bench.data._spelling import Spelling
from bench.data._wording import is_like, meant

FEW_CELLS = "to leave out perturbations of few cells, set min_cells"


class FileLabels(NamedTuple):
    """What a file says about its cells."""

    cells: Elements
    keep: NDArray[np.bool_]
    """(cell of the file,) true for the cells that the study asks for."""
    labels: dict[str, NDArray[np.str_]]
    """(kept cell,) by key, dosages included; "" where there is none."""
    named: Named
    """Perturbations of the kept cells; empty without the key."""
    findings: list[Finding]
    filter_repairs: list[str]
    repairs: list[str]


def file_labels(config: H5adConfig, matrix: bool) -> FileLabels:
    """The elements of the file, with the counts if ``matrix``, and its labels.

    Raises :class:`UserError` for an element that cannot be read.
    """
    cells = read_elements(_asked(config, matrix))
    chosen = filtered(config.where, cells.obs, len(cells.cell_names))
    labels, repairs = _labels(cells, config, chosen.keep)
    named = _perturbations(cells, config, labels)
    findings = [*_missing(cells, config), *chosen.findings, *named.findings]
    findings += [*_of_single_cells(config, labels), *_empty(config, labels)]
    if not config.min_cells:
        findings += names_cells(named.perturbation, "perturbation", config.perturbation, FEW_CELLS)
    findings += [*_unused_words(config, cells), *_all_rare(config, named)]
    return FileLabels(cells, chosen.keep, labels, named, findings, chosen.repairs, repairs)


def _asked(config: H5adConfig, matrix: bool) -> Asked:
    columns = [getattr(config, name) for name in (*LABELS, "dosage")]
    return Asked(
        path=config.path,
        counts=config.counts,
        obs=tuple(dict.fromkeys([*filter(None, columns), *config.where])),
        var=(config.gene_names,) if config.gene_names else (),
        matrix=matrix,
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


def _of_single_cells(config: H5adConfig, labels: Mapping[str, NDArray[np.str_]]) -> list[Finding]:
    """Findings for batches and types of one cell each."""
    return [
        finding
        for name in ("batch", "cell_type")
        if name in labels
        for finding in names_cells(labels[name], name, getattr(config, name))
    ]


def _empty(config: H5adConfig, labels: Mapping[str, NDArray[np.str_]]) -> Iterator[Finding]:
    """Findings for columns of batches or types in which no cell has a label."""
    for name in ("batch", "cell_type"):
        if name in labels and not (labels[name] != "").any():
            expected = f"no cell has a label in this column ({len(labels[name]):,} cells)"
            yield Finding(name, getattr(config, name), expected, "name another column")


def _unused_words(config: H5adConfig, cells: Elements) -> Iterator[Finding]:
    """Findings for words of ``unknown`` and ``keep`` that are the label of no cell."""
    used = {
        "unknown": [config.batch, config.cell_type],
        "keep": [config.batch, config.cell_type, config.perturbation, *config.where],
    }
    for key, columns in used.items():
        given = words(getattr(config, key))
        if given and not any(columns):
            fix = "set the key batch or cell_type to their column"
            yield Finding(key, getattr(config, key), "there are no labels", fix)
        there = {
            label for name in columns if name in cells.obs for label in _labels_in(cells, name)
        }
        absent = [word for word in given if there and word not in there]
        for word in absent:
            # One list may serve several files: a word that is like no label is no mistake.
            if len(absent) == len(given) or (word not in MISSING and is_like(word, there)):
                fix = meant(word, sorted(there))
                yield Finding(key, word, "no cell has such a label", fix)


def _labels_in(cells: Elements, name: str) -> set[str]:
    """The labels of a column that some cell has, without blanks around them."""
    column = cells.obs[name]
    used = np.unique(column.codes[column.codes >= 0])
    return {column.values[code].strip() for code in used.tolist()}


def _all_rare(config: H5adConfig, named: Named) -> Iterator[Finding]:
    """A finding if ``min_cells`` leaves no perturbation."""
    treated = named.perturbation[(named.perturbation != "") & (named.perturbation != CONTROL)]
    if config.min_cells and len(treated):
        most = int(np.unique(treated, return_counts=True)[1].max())
        if most < config.min_cells:
            expected = f"leaves no perturbation: the largest has {most:,} cells"
            yield Finding("min_cells", config.min_cells, expected, "choose a smaller number")


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
