"""Converts the perturbation labels of a file to the names of ``parts.perturbations.treatments``.

    ctrl            ->  control            if ctrl is the control
    KLF1+CEBPA      ->  CEBPA+KLF1         parts in alphabetical order
    KLF1+ctrl       ->  KLF1               the control is not a part
    drug+KLF1, 2+1  ->  KLF1+drug@2        with a dosage of each part

A cell with dosage 0 for all parts is a control; the dosage of a control is ignored.
"""

import re
from collections import Counter
from difflib import get_close_matches
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL
from bench.core.errors import Finding
from bench.parts.perturbations.treatments import JOINS, perturbation_name, treatments_of

BETWEEN_DOSAGES = re.compile(r"(?<=[^eE])\+")
"""A + between two numbers, but not the + of an exponent."""

MOST_LISTED = 10


class Named(NamedTuple):
    """The converted labels of a file."""

    perturbation: NDArray[np.str_]
    """(cell,) names; "" for cells without a label."""
    findings: list[Finding]
    repairs: list[str]


class Faults:
    """The number of cells with each fault, and the first example."""

    def __init__(self, key: str, column: str) -> None:
        self.key, self.column = key, column
        self.n_cells: Counter[str] = Counter()
        self.example: dict[str, str] = {}

    def add(self, fault: str, label: str, amounts: str | None, n_cells: int) -> None:
        """Count the cells with one label."""
        self.n_cells[fault] += n_cells
        dosed = "" if amounts is None else f" with {amounts!r}"
        self.example.setdefault(fault, f"{label!r}{dosed}")

    def findings(self) -> list[Finding]:
        """One finding per fault, the most frequent first."""
        return [
            Finding(self.key, self.column, f"{n:,} cells have {f}, such as {self.example[f]}")
            for f, n in self.n_cells.most_common()
        ]


def named_perturbations(
    labels: NDArray[Any], dosage: NDArray[Any] | None, control: str, faults: Faults
) -> Named:
    """The perturbation of every cell from its label and, unless None, the dosages of its parts."""
    import pandas as pd

    labels = _texts(labels)
    amounts = [None] * len(labels) if dosage is None else _texts(dosage).tolist()
    code, spelled = pd.factorize(pd.Series(list(zip(labels.tolist(), amounts, strict=True))))
    names = []
    for (label, amount), n_cells in zip(spelled, np.bincount(code).tolist(), strict=True):
        try:
            names.append(_name(label, amount, control))
        except ValueError as fault:
            names.append("")
            faults.add(str(fault), label, amount, n_cells)
    perturbation = np.array(names)[code]
    findings = [*faults.findings(), *_no_control(labels, perturbation, control)]
    return Named(perturbation, findings, _repairs(labels, perturbation, control))


def _texts(values: NDArray[Any]) -> NDArray[np.str_]:
    import pandas as pd

    gaps = np.asarray(pd.isna(values))
    return np.array(["" if gap else str(v).strip() for v, gap in zip(values, gaps, strict=True)])


def _name(label: str, amounts: str | None, control: str) -> str:
    """The name of one label; "" without a label.  Raises ValueError with its fault."""
    parts = _parts(label)
    if not label or label == control or set(parts) == {control}:
        return CONTROL if label else ""
    if "" in parts:
        raise ValueError(f"a part without a name next to a {JOINS}")
    given: dict[str, float] = {}
    for treatment, dosage in _in_label(parts) if amounts is None else _in_column(parts, amounts):
        if treatment == CONTROL != control:
            raise ValueError(f"the name {CONTROL!r}, but the key control is {control!r}")
        if treatment != control:
            given[treatment] = given.get(treatment, 0.0) + dosage
    return perturbation_name(given)


def _parts(label: str) -> list[str]:
    return [part.strip() for part in label.split(JOINS)]


def _in_label(parts: list[str]) -> list[tuple[str, float]]:
    """(treatment, dosage) of each part; the dosage after an @, else 1."""
    try:
        return [next(iter(treatments_of(part).items()), (CONTROL, 1.0)) for part in parts]
    except ValueError:
        raise ValueError("a dosage in the label that is negative or not a number") from None


def _in_column(parts: list[str], amounts: str) -> list[tuple[str, float]]:
    """(treatment, dosage) of each part, dosages joined like the parts."""
    if not amounts:
        raise ValueError("no dosage")
    dosages = [_number(amount) for amount in BETWEEN_DOSAGES.split(amounts)]
    if len(dosages) != len(parts):
        raise ValueError(f"different numbers of parts and dosages joined by {JOINS}")
    if any(treatments_of(part) not in ({part: 1.0}, {}) for part in parts):
        raise ValueError("a dosage in the label in addition to that of the column")
    return list(zip(parts, dosages, strict=True))


def _number(amount: str) -> float:
    try:
        dosage = float(amount)
    except ValueError:
        raise ValueError("a dosage that is not a number") from None
    if not isfinite(dosage):
        raise ValueError("a dosage that is not a number")
    if dosage < 0:
        raise ValueError("a negative dosage")
    return dosage


def _no_control(
    labels: NDArray[np.str_], perturbation: NDArray[np.str_], control: str
) -> list[Finding]:
    """Findings if no cell is a control, or no cell has the name of the control."""
    counted = Counter(labels[labels != ""].tolist())
    if not counted:
        return [Finding("perturbation", None, "no cell has a label")]
    named = any(control in (label, *_parts(label)) for label in counted)
    if CONTROL in perturbation and (named or control == CONTROL):
        return []
    expected = "only in combinations: effects need cells with the control alone"
    if not named:
        expected = "not among the perturbations: effects need control cells"
    return [Finding("control", control, expected, _meant(control, counted))]


def _meant(control: str, counted: Counter[str]) -> str:
    """Similar labels, and the most frequent labels."""
    lower = {label.lower(): label for label in counted if label != control}
    close = [lower[label] for label in get_close_matches(control.lower(), lower)]
    often = [label for label, _ in counted.most_common(MOST_LISTED)]
    rest = f" and {len(counted) - len(often):,} more" if len(counted) > len(often) else ""
    listed = f"there are: {', '.join(often)}{rest}"
    return f"did you mean {' or '.join(close)}? {listed}" if close else listed


def _repairs(labels: NDArray[np.str_], perturbation: NDArray[np.str_], control: str) -> list[str]:
    lost, repairs = int((labels == "").sum()), []
    if lost:
        reason = "had no perturbation label and were removed"
        repairs.append(f"{lost:,} of {len(labels):,} cells {reason}")
    renamed = np.flatnonzero((labels != perturbation) & (labels != "") & (labels != control))
    if len(renamed):
        old, new = str(labels[renamed[0]]), str(perturbation[renamed[0]])
        example = f"such as {old!r} as {new!r}"
        repairs.append(f"the perturbations of {len(renamed):,} cells were renamed, {example}")
    return repairs
