"""How the labels of a file write controls, combinations and doses."""

import re
from dataclasses import dataclass

from bench.core.dataset import CONTROL
from bench.data._labels import MISSING
from bench.parts.perturbations.treatments import DOSED, JOINS

NONE = "none"
"""The word of a study for no separator."""

BETWEEN_DOSAGES = re.compile(r"(?<=[^eE])\+")
"""A + between two numbers, but not the + of an exponent."""

PLUS, AT = "⁺", " at "
"""Stand for a + and an @ that belong to a name: in the names of this package these join parts and
precede dosages."""


@dataclass(frozen=True)
class Spelling:
    """What the study says of the labels of perturbations."""

    controls: tuple[str, ...] = (CONTROL,)
    joins: str = ""
    """The separator of combinations as the study gives it: empty for +, or none."""
    dosed: str = ""
    """The separator of a dosage as the study gives it: empty for @, or none."""

    @property
    def decided(self) -> bool:
        """Whether the study names the separator, so that no label is doubted."""
        return bool(self.joins)

    @property
    def separator(self) -> str:
        """Between the parts of a combination; empty if labels are not split."""
        return "" if self.joins == NONE else self.joins or JOINS

    @property
    def gaps_are_controls(self) -> bool:
        """Whether a word for a missing value is named as a control."""
        return not MISSING.isdisjoint(self.controls)

    def parts(self, label: str) -> list[str]:
        """The parts of a combination, dosages included."""
        if not self.separator:
            return [label]
        return [part.strip() for part in label.split(self.separator)]

    def dosed_part(self, part: str) -> tuple[str, float | None]:
        """The treatment of a part, and its dosage if the label has one."""
        separator = "" if self.dosed == NONE else self.dosed or DOSED
        name, found, amount = part.rpartition(separator) if separator else ("", "", part)
        try:
            return (name.strip(), float(amount)) if found and name.strip() else (part, None)
        except ValueError:
            return part, None

    def treatments(self, label: str) -> list[str]:
        """The names of the parts that are no control; empty if a part has no name."""
        parts = self.parts(label)
        named = [self.dosed_part(part)[0] for part in parts] if "" not in parts else []
        return [name for name in named if name not in self.controls]

    def dosages(self, amounts: str) -> list[str]:
        """The dosages of a column, joined like the parts."""
        if self.separator == JOINS:
            return BETWEEN_DOSAGES.split(amounts)
        return amounts.split(self.separator) if self.separator else [amounts]


def own_name(treatment: str) -> str:
    """The name without a + and without an @ before a number, which have a meaning here."""
    name = treatment.replace(JOINS, PLUS)
    before, found, amount = name.rpartition(DOSED)
    try:
        float(amount)
    except ValueError:
        return name
    return f"{before}{AT}{amount}" if found else name
