"""Checks of a study as a whole: labels, files of one name, reference, libraries.

As for its entries, functions record findings and do not raise.
"""

from collections.abc import Iterable
from pathlib import Path

from bench.core.errors import Finding, suggestion
from bench.planning.entries import Entry, Resolver

MOST_NAMED = 20
"""Maximum number of labels in a message."""


def need_distinct(entries: Iterable[Entry], resolver: Resolver) -> None:
    """Check that labels differ in more than upper and lower case."""
    taken: dict[str, Entry] = {}
    for entry in entries:
        other = taken.setdefault(entry.label.lower(), entry)
        if other is not entry:
            expected = f"duplicate label, also used by {other.place}"
            fix = "labels must differ in more than upper and lower case"
            resolver.note(Finding(entry.place, entry.label, expected, fix))


def need_reference(label: str, known: list[str], resolver: Resolver) -> None:
    """Check the label, unless its entry has a finding already."""
    places = tuple(f"{section}.{label}." for section in ("runs", "search", "baselines"))
    mistaken = any(f"{found.place}.".startswith(places) for found in resolver.findings)
    if not label or label in known or mistaken:
        return
    # A label whose lists fanned out has several runs.
    runs = [one for one in known if one.startswith(f"{label}.")]
    listed = ", ".join(known[:MOST_NAMED]) + (", …" if len(known) > MOST_NAMED else "")
    fix = f"name one of its runs: {runs[0]}" if runs else ""
    fix = fix or suggestion(label, known, f"there are: {listed}")
    resolver.note(Finding("reference", label, "no run, search or baseline has this label", fix))


def need_libraries(trackers: tuple[Entry, ...], resolver: Resolver) -> None:
    """Check that what the trackers need is installed."""
    for entry in trackers:
        if missing := entry.card.missing():
            expected = f"needs packages that are not installed: {', '.join(missing)}"
            resolver.note(Finding(entry.place, None, expected, entry.card.install))


def need_distinct_files(names: list[str], section: str, resolver: Resolver) -> None:
    """Check that file names differ, because results use them as names of metrics and readouts."""
    stems = [Path(name).stem for name in names]
    for name, stem in zip(names, stems, strict=True):
        if name != stem and stems.count(stem) > 1:
            resolver.note(
                Finding(section, name, f"another file has the name {stem}", "rename the file")
            )
