"""``datasets:`` below a task, run, search or baseline: it then runs on these datasets only.

Functions here record findings and do not raise, as for all entries of a study.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bench.catalogue import Shelf
from bench.core.errors import Finding, suggestion

if TYPE_CHECKING:
    from bench.planning.entries import Entry, Resolver
    from bench.planning.search_keys import Search

KEY = "datasets"
"""The key below a label of ``tasks``, ``runs``, ``search`` and ``baselines``."""

DOC = "Labels of the study's datasets; without this key, all of them."

SHELVES: tuple[Shelf, ...] = ("tasks", "models", "baselines")
"""The shelves whose entries take the key."""


def keys(shelf: Shelf) -> list[str]:
    """The key, if entries of this shelf take it."""
    return [KEY] if shelf in SHELVES else []


def take(shelf: Shelf, given: dict[str, Any], place: str, resolver: "Resolver") -> tuple[str, ...]:
    """Remove the key from parameters; returns the labels, none if it is absent or invalid."""
    if not {KEY}.intersection(keys(shelf), given):
        return ()
    value = given.pop(KEY)
    labels = value if isinstance(value, list) else [value]
    if labels and all(isinstance(label, str | int | float) for label in labels):
        return tuple(dict.fromkeys(map(str, labels)))
    expected = "expected a list of labels of the study's datasets"
    resolver.note(Finding(f"{place}.{KEY}", value, expected, "remove the key for all of them"))
    return ()


def resolved(labels: tuple[str, ...]) -> dict[str, list[str]]:
    """The key in a study with all values explicit; nothing if there are no labels."""
    return {KEY: list(labels)} if labels else {}


def runs_on(entry: "Entry", dataset: "Entry") -> bool:
    """Whether an entry names this dataset, or no dataset; a label names all that it fans out to."""
    return not entry.datasets or not {dataset.label, _written(dataset)}.isdisjoint(entry.datasets)


def need_known(
    sections: Mapping[str, Iterable["Entry"]], searches: Iterable["Search"], resolver: "Resolver"
) -> None:
    """Check that the study has all named datasets."""
    datasets = list(sections[KEY])
    known = list(dict.fromkeys([one.label for one in datasets] + [_written(d) for d in datasets]))
    entries = [*sections["tasks"], *sections["runs"], *sections["baselines"]]
    for entry in (*entries, *(search.entry for search in searches)):
        for label in entry.datasets:
            if label not in known and not _is_mistaken(label, resolver):
                expected = "no dataset of this study has this label"
                place, fix = f"{entry.place}.{KEY}", suggestion(label, known)
                resolver.note(Finding(place, label, expected, fix))


def _is_mistaken(label: str, resolver: "Resolver") -> bool:
    """Whether a dataset has a finding of its own, so that it is known but not usable."""
    place = f"{KEY}.{label}."
    return any(f"{found.place}.".startswith(place) for found in resolver.findings)


def _written(dataset: "Entry") -> str:
    """The label as the study writes it, before its lists fan out."""
    return dataset.place.removeprefix(f"{KEY}.")
