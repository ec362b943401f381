"""Names of perturbations, which encode treatments and dosages.

    control          no treatment
    KLF1             one treatment at dosage 1
    CEBPA+KLF1       two treatments, in alphabetical order
    drug@0.5+KLF1    dosages other than 1 follow an @

So files contain labels only, from which a sparse dosage matrix is computed when needed.  Text after
an @ that is not a number is part of the name.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CONTROL

JOINS, DOSED = "+", "@"


def perturbation_name(parts: Mapping[str, float]) -> str:
    """The name of a combination of treatments; without a positive dosage it is the control.

    Raises ValueError if a dosage is negative or not a number.
    """
    for treatment, dosage in parts.items():
        if not (isfinite(dosage) and dosage >= 0):
            raise ValueError(f"the dosage of {treatment} is {dosage}: expected 0 or more")
    given = {treatment: dosage for treatment, dosage in sorted(parts.items()) if dosage}
    named = [t if dosage == 1 else f"{t}{DOSED}{_amount(dosage)}" for t, dosage in given.items()]
    return JOINS.join(named) or CONTROL


def _amount(dosage: float) -> str:
    """The dosage as text, without the + of an exponent, which would separate two treatments."""
    return f"{dosage:.12g}".replace("e+", "e")


@cache
def treatments_of(perturbation: str) -> Mapping[str, float]:
    """Dosage by treatment; empty for the control.  Dosages of a repeated treatment add up.

    Raises ValueError if a dosage is negative or not a number.
    """
    if perturbation == CONTROL:
        return {}
    parts: dict[str, float] = {}
    for part in perturbation.split(JOINS):
        name, dosage = _dosed(part)
        if not (isfinite(dosage) and dosage >= 0):
            raise ValueError(f"the dosage of {name} is {dosage}: expected 0 or more")
        parts[name] = parts.get(name, 0.0) + dosage
    return parts


def _dosed(part: str) -> tuple[str, float]:
    name, at, amount = part.rpartition(DOSED)
    try:
        return (name, float(amount)) if at else (part, 1.0)
    except ValueError:
        return part, 1.0


def dosages(
    perturbation: NDArray[np.str_], treatments: Sequence[str] | None = None
) -> tuple[tuple[str, ...], csr_matrix]:
    """The treatments (alphabetical by default), and the (cell, treatment) dosages."""
    names, code = np.unique(perturbation, return_inverse=True)
    parts = [treatments_of(name) for name in names.tolist()]
    known = tuple(sorted({t for part in parts for t in part}) if treatments is None else treatments)
    column = {treatment: index for index, treatment in enumerate(known)}
    entries = [
        (row, column[t], dosage) for row, part in enumerate(parts) for t, dosage in part.items()
    ]
    row, col, dosage = (np.array(one) for one in zip(*entries, strict=True)) if entries else _none()
    each = csr_matrix((dosage.astype(float), (row, col)), shape=(len(names), len(known)))
    return known, each[code]


def perturbations_in(perturbation: NDArray[np.str_]) -> NDArray[np.str_]:
    """The distinct perturbations of these cells except the control, in alphabetical order."""
    names = np.unique(perturbation)
    return names[names != CONTROL]


def _none() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    nothing = np.zeros(0, dtype=np.int64)
    return nothing, nothing, np.zeros(0)
