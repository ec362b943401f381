"""Converts the perturbation labels of a file to the names of ``parts.perturbations.treatments``.

    ctrl            ->  control            if ctrl is a control
    KLF1+CEBPA      ->  CEBPA+KLF1         parts in alphabetical order
    KLF1+ctrl       ->  KLF1               a control is not a part
    drug+KLF1, 2+1  ->  KLF1+drug@2        with a dosage of each part
    A_B             ->  A+B                if the separator is _
    (+)-X           ->  (⁺)-X              if there is no separator

A cell with dosage 0 for all parts is a control; the dosage of a control is ignored.
"""

from collections import Counter
from difflib import get_close_matches
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL
from bench.core.errors import Finding, listed
from bench.data._combinations import likely_controls, spelling_faults, spelling_notes
from bench.data._labels import MISSING
from bench.data._spelling import Spelling, own_name
from bench.parts.perturbations.treatments import perturbation_name

NO_NUMBER = "a dosage that is not a number"
NUMBERS = "write plain numbers, such as 0.5, all in one unit that is not written"


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
            Finding(
                self.key,
                self.column,
                f"{n:,} cells have {f}, such as {self.example[f]}",
                NUMBERS if f == NO_NUMBER else "",
            )
            for f, n in self.n_cells.most_common()
        ]


def named_perturbations(
    labels: NDArray[np.str_], dosage: NDArray[np.str_] | None, spelling: Spelling, faults: Faults
) -> Named:
    """The perturbation of every cell from its label and, unless None, the dosages of its parts.

    Labels and dosages are without blanks around them, and "" if missing.
    """
    import pandas as pd

    amounts = [None] * len(labels) if dosage is None else dosage.tolist()
    code, spelled = pd.factorize(pd.Series(list(zip(labels.tolist(), amounts, strict=True))))
    names = []
    for (label, amount), n_cells in zip(spelled, np.bincount(code).tolist(), strict=True):
        try:
            names.append(_name(label, amount, spelling))
        except ValueError as fault:
            names.append("")
            faults.add(str(fault), label, amount, n_cells)
    perturbation = np.array(names, dtype=str)[code]
    counted = Counter(labels[labels != ""].tolist())
    findings = [*faults.findings(), *_no_control(labels, counted, perturbation, spelling)]
    findings += spelling_faults(counted, spelling)
    repairs = _repairs(labels, perturbation, spelling)
    return Named(perturbation, findings, [*repairs, *spelling_notes(counted, spelling)])


def _name(label: str, amounts: str | None, spelling: Spelling) -> str:
    """The name of one label; "" without a label.  Raises ValueError with its fault."""
    if not label:
        return CONTROL if spelling.gaps_are_controls else ""
    parts = spelling.parts(label)
    if label in spelling.controls or set(parts) <= set(spelling.controls):
        return CONTROL
    if "" in parts:
        raise ValueError(f"a part without a name next to a {spelling.separator}")
    given: dict[str, float] = {}
    in_label = amounts is None
    dosed = _in_label(parts, spelling) if in_label else _in_column(parts, amounts or "", spelling)
    for treatment, dosage in dosed:
        if treatment in spelling.controls:
            continue
        if treatment == CONTROL:
            named = " or ".join(map(repr, spelling.controls))
            raise ValueError(f"the name {CONTROL!r}, but the key control is {named}")
        name = own_name(treatment)
        given[name] = given.get(name, 0.0) + dosage
    return perturbation_name(given)


def _in_label(parts: list[str], spelling: Spelling) -> list[tuple[str, float]]:
    """(treatment, dosage) of each part; the dosage after an @, else 1."""
    dosed = [spelling.dosed_part(part) for part in parts]
    found = [(treatment, 1.0 if dosage is None else dosage) for treatment, dosage in dosed]
    if not all(isfinite(dosage) and dosage >= 0 for _, dosage in found):
        raise ValueError("a dosage in the label that is negative or not a number")
    return found


def _in_column(parts: list[str], amounts: str, spelling: Spelling) -> list[tuple[str, float]]:
    """(treatment, dosage) of each part, dosages joined like the parts."""
    if not amounts:
        raise ValueError("no dosage")
    dosages = [_number(amount) for amount in spelling.dosages(amounts)]
    if len(dosages) != len(parts):
        joined = f" joined by {spelling.separator}" if spelling.separator else ""
        raise ValueError(f"different numbers of parts and dosages{joined}")
    if any(spelling.dosed_part(part)[1] is not None for part in parts):
        raise ValueError("a dosage in the label in addition to that of the column")
    return list(zip(parts, dosages, strict=True))


def _number(amount: str) -> float:
    try:
        dosage = float(amount)
    except ValueError:
        raise ValueError(NO_NUMBER) from None
    if not isfinite(dosage):
        raise ValueError(NO_NUMBER)
    if dosage < 0:
        raise ValueError("a negative dosage")
    return dosage


def _no_control(
    labels: NDArray[np.str_],
    counted: Counter[str],
    perturbation: NDArray[np.str_],
    spelling: Spelling,
) -> list[Finding]:
    """Findings if no cell is a control, or no cell has the name of a control."""
    n_gaps = int((labels == "").sum())
    if not counted:
        return [Finding("perturbation", None, "no cell has a label")]
    if not spelling.controls:
        return [Finding("control", [], "expected at least one label")]
    parts = {part for label in counted for part in (label, *spelling.parts(label))}
    absent = [
        one for one in spelling.controls if one not in parts and not (n_gaps and one in MISSING)
    ]
    if CONTROL in perturbation and (not absent or spelling.controls == (CONTROL,)):
        return []
    expected = "only in combinations: effects need cells with the control alone"
    if absent:
        expected = "not among the perturbations: effects need control cells"
    fix = _meant((absent or spelling.controls)[0], counted, spelling)
    if n_gaps and not spelling.gaps_are_controls:
        unlabelled = f"{n_gaps:,} cells have no label; if these are the controls, set control: nan"
        fix = f"{unlabelled}; {fix}"
    return [Finding("control", one, expected, fix) for one in absent or spelling.controls[:1]]


def _meant(control: str, counted: Counter[str], spelling: Spelling) -> str:
    """Similar labels or usual names of controls, and the most frequent labels."""
    lower = {label.lower(): label for label in counted if label != control}
    close = [lower[label] for label in get_close_matches(control.lower(), lower)]
    close = close or likely_controls(counted, spelling)
    there = f"there are: {listed(label for label, _ in counted.most_common())}"
    return f"did you mean {' or '.join(close)}? {there}" if close else there


def _repairs(
    labels: NDArray[np.str_], perturbation: NDArray[np.str_], spelling: Spelling
) -> list[str]:
    lost, repairs = int((labels == "").sum()), []
    if lost and spelling.gaps_are_controls:
        repairs.append(f"{lost:,} of {len(labels):,} cells had no perturbation label: controls")
    elif lost:
        reason = "had no perturbation label and were removed"
        repairs.append(f"{lost:,} of {len(labels):,} cells {reason}")
    if len(spelling.controls) > 1:
        n_cells = {one: int((labels == one).sum()) for one in spelling.controls}
        missing = next((one for one in spelling.controls if one in MISSING), None)
        n_cells |= {missing: lost + n_cells[missing]} if missing else {}
        sizes = [f"{one} ({n:,} cells)" for one, n in n_cells.items()]
        repairs.append(f"{len(sizes)} labels are one set of controls: {listed(sizes)}")
    same = (labels == perturbation) | (labels == "") | np.isin(labels, spelling.controls)
    renamed = np.flatnonzero(~same)
    if len(renamed):
        old, new = str(labels[renamed[0]]), str(perturbation[renamed[0]])
        example = f"such as {old!r} as {new!r}"
        repairs.append(f"the perturbations of {len(renamed):,} cells were renamed, {example}")
    return [*repairs, *_merged(labels, perturbation, spelling)]


def _merged(
    labels: NDArray[np.str_], perturbation: NDArray[np.str_], spelling: Spelling
) -> list[str]:
    """A sentence about different labels of the same perturbation, and one about repeated parts."""
    pairs = sorted(set(zip(perturbation.tolist(), labels.tolist(), strict=True)))
    of_name: dict[str, list[str]] = {}
    for name, label in pairs:
        if name and name != CONTROL:
            of_name.setdefault(name, []).append(label)
    controls = set(spelling.controls)
    merged = [
        " and ".join(several)
        for several in of_name.values()
        if len({frozenset(spelling.parts(label)) - controls for label in several}) > 1
    ]
    repeated = [
        label
        for several in of_name.values()
        for label in several
        if len(set(parts := spelling.treatments(label))) < len(parts)
    ]
    notes = [f"these labels are one perturbation each: {listed(merged)}"] if merged else []
    if repeated:
        notes.append(f"the dosages of a repeated treatment add up: {listed(repeated)}")
    return notes
