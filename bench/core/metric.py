"""The card at the end of a metric file: one measure, and its views as data."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

Direction = Literal["higher", "lower"]


class ArraysByName(Protocol):
    """The arrays of a metric: a mapping, or an object that computes an array on access."""

    def __getitem__(self, name: str, /) -> Any: ...


class NotApplicable(Exception):
    """Raised by a metric that is undefined for the data: it gives no score and is not a failure."""


def sign_of(better: str) -> float:
    """The factor that turns scores so that higher is better: +1 or −1.

    All comparisons of scores use this function.
    """
    return {"higher": 1.0, "lower": -1.0}[better]


class MetricName(NamedTuple):
    """Name of a metric in a study and its tables: ``measure`` or ``measure.view``."""

    measure: str
    """The name of a file in ``bench/metrics``, or the path of a user's file."""
    view: str = ""
    """Empty for the default view."""

    @classmethod
    def parse(cls, text: str) -> "MetricName":
        """The parts of a name such as ``accuracy.knn`` or ``mine/hits.py.top20``."""
        path = re.fullmatch(r"(.*\.py)(?:\.(\w+))?", text)
        parts = path or re.fullmatch(r"([^.]*)\.(\w+)", text)
        return cls(parts[1], parts[2] or "") if parts else cls(text)

    def __str__(self) -> str:
        """The name in a study."""
        return f"{self.measure}.{self.view}" if self.view else self.measure

    @property
    def file(self) -> str:
        """The name of the measure's file without folders and suffix."""
        return Path(self.measure).stem

    @property
    def in_tables(self) -> str:
        """The name in ``scores.csv`` and the report; for a path, the name of the file."""
        return str(self._replace(measure=self.file))


@dataclass(frozen=True, kw_only=True)
class View:
    """The same function of another array, gene set, summary or scale.

    A view inherits omitted fields from its measure.
    """

    label: str
    """Suffix of the measure's label, after a comma."""
    description: str
    """The difference from the measure, in full sentences."""
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Parameter of ``score`` -> name of the array for it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Parameter of ``score`` -> its value in this view."""
    better: Direction | None = None
    bounds: tuple[float, float] | None = None
    unit: str = ""
    sound: bool = True
    reference: str = ""
    blind_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The card at the end of every file in ``bench/metrics``, named ``METRIC``.

    ``score`` takes its arrays by name (readout arrays of one seed, targets of the task, labels of
    the scored cells, and arrays that ``parts.scoring.derived`` computes from these) and returns one
    float, never NaN.  It raises :class:`NotApplicable` if the data do not allow it.  A parameter
    without a default is an array; a parameter with a default becomes an array if ``arrays`` names
    one.  Raises ValueError if a view does not match the function.
    """

    label: str
    score: Callable[..., float]
    better: Direction
    bounds: tuple[float, float] = (-inf, inf)
    unit: str
    sound: bool = True
    """False for a flawed published definition: the report shows it and does not rank by it."""
    reference: str
    blind_to: str = ""
    """Limitations of the number, in full sentences."""
    family: str = ""
    """The section of ``docs/metrics.md`` that explains it."""
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Parameter of ``score`` -> name of its array, if the two names differ."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Parameter of ``score`` -> its value."""
    views: Mapping[str, View] = field(default_factory=dict)
    default: str = ""
    """Name of the default view, if it has one."""

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.score).parameters.values()
        named = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if len(named) < len(parameters):
            raise ValueError("score must take every array under a name of its own")
        given = [self.arrays, self.options]
        given += [part for view in self.views.values() for part in (view.arrays, view.options)]
        if unknown := {name for part in given for name in part} - named:
            raise ValueError(f"score has no parameter {', '.join(sorted(unknown))}")
        if bad := [name for name in self.views if not re.fullmatch(r"\w+", name)]:
            raise ValueError(f"a view's name is letters, digits and '_', not {bad[0]!r}")
        if self.default and self.default not in self.views:
            raise ValueError(f"the default view {self.default!r} is not among the views")

    @property
    def sign(self) -> float:
        """The factor +1 or −1 by which higher scores become better."""
        return sign_of(self.better)

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Parameter of ``score`` -> the array it takes."""
        parameters = inspect.signature(self.score).parameters.values()
        taken = [p for p in parameters if p.name in self.arrays or p.default is p.empty]
        return {
            p.name: self.arrays.get(p.name, p.name) for p in taken if p.name not in self.options
        }

    @property
    def needs(self) -> frozenset[str]:
        """The arrays that it takes."""
        return frozenset(self.inputs.values())

    def value(self, arrays: ArraysByName) -> float:
        """The score of one seed; reads only the arrays that it needs."""
        taken = {parameter: arrays[name] for parameter, name in self.inputs.items()}
        return self.score(**taken, **self.options)

    @property
    def view_names(self) -> list[str]:
        """Its views, the default first; "" for a default view without a name."""
        return list(dict.fromkeys([self.default, *self.views]))

    def of_view(self, name: str = "") -> "Metric":
        """One view as a separate metric without further views; without a name, the default.

        Raises KeyError if there is no such view.
        """
        if not (name or self.default):
            return replace(self, views={})
        view = self.views[name or self.default]
        return replace(
            self,
            label=f"{self.label}, {view.label}",
            arrays={**self.arrays, **view.arrays},
            options={**self.options, **view.options},
            better=view.better or self.better,
            bounds=view.bounds or self.bounds,
            unit=view.unit or self.unit,
            sound=self.sound and view.sound,
            reference=view.reference or self.reference,
            blind_to=view.blind_to or self.blind_to,
            views={},
            default="",
        )
