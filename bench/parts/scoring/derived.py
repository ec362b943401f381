"""Inputs of metrics that are derived from other arrays, computed once per seed and on demand.

A metric names a derived array in its needs like any other array.  The plan uses
:func:`with_derived` to determine where it is available.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bench.parts.scoring.clusters import kmeans
from bench.parts.scoring.neighbours import nearest
from bench.parts.scoring.probes import knn_probability, logistic_probability
from bench.parts.scoring.scib import ScibScores


class Derivation(NamedTuple):
    """A derived array and its function."""

    needs: frozenset[str]
    make: Callable[..., Any]
    """A function of the required arrays, by name."""


DERIVED: dict[str, Derivation] = {
    "neighbours": Derivation(frozenset({"latent"}), lambda latent: nearest(latent)),
    "neighbour_index": Derivation(frozenset({"neighbours"}), lambda neighbours: neighbours.index),
    "neighbour_distance": Derivation(
        frozenset({"neighbours"}), lambda neighbours: neighbours.distance
    ),
    "clusters": Derivation(
        frozenset({"latent", "cell_type"}), lambda latent, cell_type: kmeans(latent, cell_type)
    ),
    "scib": Derivation(
        frozenset({"latent", "neighbours", "batch", "cell_type", "uncorrected"}), ScibScores
    ),
    "knn_probability": Derivation(frozenset({"latent", "known_type"}), knn_probability),
    "logistic_probability": Derivation(frozenset({"latent", "known_type"}), logistic_probability),
}
"""``neighbour_index`` and ``neighbour_distance`` are (cell, k), see ``parts.scoring.neighbours``;
``clusters`` is (cell,), see :mod:`bench.parts.scoring.clusters`; ``scib`` holds the scores of
``parts.scoring.scib``; the probabilities are (cell, known type), see ``parts.scoring.probes``."""


class Derived:
    """Arrays by name, given or derived from these; the arrays are read-only."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._held = {name: _read_only(value) for name, value in given.items()}

    def __getitem__(self, name: str) -> Any:
        if name not in self._held:
            derivation = DERIVED[name]
            needed = {need: self[need] for need in derivation.needs}
            self._held[name] = _read_only(derivation.make(**needed))
        return self._held[name]


def _read_only(value: Any) -> Any:
    """A read-only view of an array; other objects unchanged."""
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view


def needed_of_given(names: Iterable[str]) -> frozenset[str]:
    """The arrays from which these are made; of what is not derived, itself."""
    found: set[str] = set()
    for name in names:
        found |= needed_of_given(DERIVED[name].needs) if name in DERIVED else {name}
    return frozenset(found)


def with_derived(names: Iterable[str]) -> frozenset[str]:
    """These names, and the names of all arrays that can be derived from them."""
    known = frozenset(names)
    more = {name for name, derivation in DERIVED.items() if derivation.needs <= known}
    return known if more <= known else with_derived(known | more)
