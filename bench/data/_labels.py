"""Columns of labels as text: words for a missing value, blanks, filters, labels of single cells.

A missing label is "" here; :func:`bench.data._cleaning.clean_counts` calls it unknown.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import UNKNOWN
from bench.core.errors import Finding, listed
from bench.data._reader import Column
from bench.data._wording import meant

Word = str | int | float
Words = Word | tuple[Word, ...]
"""One label or several, as a study writes them."""

MISSING = frozenset(
    {"", "nan", "NaN", "NAN", "None", "NA", "N/A", "n/a", "<NA>", "null", "NULL", "NaT"}
)
"""Words that programs write for a missing value."""

UNCERTAIN = frozenset(
    {"unknown", "unassigned", "unlabelled", "unlabeled", "undetermined", "unclassified"}
    | {"unidentified", "ambiguous", "none", "-", "?"}
)
"""Labels, in lower case, that often mean that there is no label."""

FEWEST_VALUES, MOST_VALUES = 20, 0.75
"""A column with at least so many values, and more than this share of its cells, names cells."""


class Labels(NamedTuple):
    """A column of labels."""

    values: NDArray[np.str_]
    """(cell,), "" where there is none."""
    repairs: list[str]


def words(given: object) -> tuple[str, ...]:
    """The labels that a study names, as text; an empty text is no label."""
    several = given if isinstance(given, list | tuple) else () if given == "" else (given,)
    return tuple(_text(word) for word in several)


def labels_of(
    column: Column, name: str, keep: Sequence[str] = (), unknown: Sequence[str] = ()
) -> Labels:
    """The labels of the cells.  ``keep`` are words for a missing value that are labels here."""
    n_cells = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
    texts, missing, unknowns, padded = [], Counter[str](), Counter[str](), Counter[str]()
    for text, n in zip(column.values, n_cells.tolist(), strict=True):
        label = text.strip()
        if label in MISSING and label not in keep:
            missing[label] += n
        elif label in unknown:
            unknowns[label] += n
        elif label != text:
            padded[text] += n
        texts.append("" if label in missing or label in unknowns else label)
    repairs = [_missing(name, label, n) for label, n in missing.items() if label and n]
    repairs += [
        f"{n:,} cells have the {name} {label!r}: unknown" for label, n in unknowns.items() if n
    ]
    if n_padded := padded.total():
        blanks = f"blanks around the {name} of {n_padded:,} cells were removed"
        repairs.append(f"{blanks}, such as {next(iter(padded))!r}")
    return Labels(np.array([*texts, ""], dtype=str)[column.codes], repairs)


def uncertain(labels: NDArray[np.str_], name: str) -> list[str]:
    """Sentences about labels of batches or types that may mean no label."""
    names, n_cells = np.unique(labels, return_counts=True)
    found = dict(zip(names.tolist(), n_cells.tolist(), strict=True))
    notes = []
    if UNKNOWN in found:
        notes.append(f"{found[UNKNOWN]:,} cells have the {name} {UNKNOWN!r}, which means no label")
    alike = [f"{label} ({n:,} cells)" for label, n in found.items() if _is_uncertain(label)]
    if alike:
        sentence = f"{listed(alike)} count as a {name.replace('_', ' ')}"
        notes.append(f"{sentence}; if this means no label, add it to the list unknown")
    return notes


def _is_uncertain(label: str) -> bool:
    return label != UNKNOWN and label.lower() in UNCERTAIN


def names_cells(labels: NDArray[np.str_], key: str, column: str, fix: str = "") -> list[Finding]:
    """A finding if nearly every cell has a label of its own."""
    labelled = labels[labels != ""]
    n_values = len(np.unique(labelled))
    if n_values < FEWEST_VALUES or n_values <= MOST_VALUES * len(labelled):
        return []
    counts = f"has {n_values:,} values in {len(labelled):,} cells: nearly one a cell"
    return [Finding(key, column, counts, fix or "name a column that groups cells")]


class Filter(NamedTuple):
    """The cells that a study asks for."""

    keep: NDArray[np.bool_]
    repairs: list[str]
    findings: list[Finding]


def filtered(where: Mapping[str, Words | bool], obs: Mapping[str, Column], n_cells: int) -> Filter:
    """The cells that have one of the given labels in every column; ignores missing columns."""
    found = Filter(np.ones(n_cells, dtype=bool), [], [])
    for name, given in where.items():
        if name not in obs:
            continue
        if given == ():
            found.findings.append(Finding(f"where.{name}", [], "expected at least one label"))
            continue
        wanted = words(given) or ("",)
        labels = labels_of(obs[name], name, keep=wanted).values
        here = np.isin(labels, wanted)
        there = [label for label in np.unique(labels).tolist() if label]
        found.findings.extend(
            Finding(f"where.{name}", word, "no cell has this label", meant(word, there))
            for word in wanted
            if word not in labels
        )
        kept = f"{int(here.sum()):,} of {n_cells:,} cells have {listed(wanted)} in {name}"
        found.repairs.append(f"{kept}; the others were removed")
        found.keep[:] &= here
    if n_cells and not found.keep.any() and not found.findings:
        found.findings.append(Finding("where", dict(where), "no cell meets all conditions"))
    return found


def _missing(name: str, label: str, n: int) -> str:
    sentence = f"{n:,} cells have the {name} {label!r}, which means a missing label"
    return f"{sentence}; to keep it as a label, set keep: {label!r}"


def _text(word: object) -> str:
    whole = isinstance(word, float) and word.is_integer()
    return str(int(word)) if whole else str(word).strip()  # type: ignore[call-overload]
