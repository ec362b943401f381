"""Finds labels of perturbations that are written in another way than the study says.

A + may belong to a name; parts may be joined by another character; a control may have a name that
the study does not give.  What is certain is a finding, what is likely is a sentence for the report.
"""

import re
from collections import Counter
from collections.abc import Iterator

from bench.core.errors import Finding, listed
from bench.data._spelling import Spelling

OTHER_SEPARATORS = ("_", "|", ";", ",", "&", "/", ":", "-", "+")

CONTROLS = re.compile(
    r"(ctrl|ctl|control|non[-_ ]?targeting|no[-_ ]?target|nt|ntc|neg[-_ ]?(ctrl|control)"
    r"|negative[-_ ]?(ctrl|control)|dmso|vehicle|scrambled?|untreated|mock|safe[-_ ]?targeting"
    r"|unperturbed|wild[-_ ]?type|wt|pbs)s?[-_ .]?\d*",
    re.IGNORECASE,
)
"""Usual names of controls, with or without a number."""

BRACKETS = ("()", "[]", "{}")


def spelling_faults(counted: Counter[str], spelling: Spelling) -> list[Finding]:
    """Findings for labels that the separator splits wrongly, or not at all.

    None if the study names the separator: then the user has decided.
    """
    if spelling.decided:
        return []
    split = {label: parts for label in counted if len(parts := spelling.treatments(label)) > 1}
    if wrong := _wrongly_split(counted, split, spelling):
        label = wrong[0]
        into = " and ".join(repr(part) for part in split[label])
        splits = f"splits {len(wrong):,} labels into parts that never occur alone"
        fix = f"if it belongs to the names ({listed(wrong)}), set separator: none; if these are"
        fix += f' combinations, set separator: "{spelling.separator}"'
        given = spelling.separator
        return [Finding("separator", given, f"{splits}, such as {label!r} into {into}", fix)]
    return [] if split else list(_joined_otherwise(counted, spelling))


def spelling_notes(counted: Counter[str], spelling: Spelling) -> list[str]:
    """Sentences about labels that may be controls or combinations."""
    notes = []
    alike = [f"{label} ({counted[label]:,} cells)" for label in likely_controls(counted, spelling)]
    if alike:
        looks = f"{listed(alike)} may be controls by name and count as perturbations"
        notes.append(f"{looks}; to use them as controls, add them to the list control")
    if spelling.decided:
        return [*notes, *_never_alone(counted, spelling)]
    for separator in OTHER_SEPARATORS:
        joined = [
            label
            for label in counted
            if separator != spelling.separator
            and len(parts := label.split(separator)) > 1
            and all(part.strip() in counted for part in parts)
        ]
        if joined:
            made = f"{listed(joined)} consist of other labels joined by {separator}"
            notes.append(f'{made}; if these are combinations, set separator: "{separator}"')
    return notes


def _never_alone(counted: Counter[str], spelling: Spelling) -> Iterator[str]:
    """A sentence about combinations of which no part occurs alone."""
    parts = {label: spelling.treatments(label) for label in counted}
    alone = {of_label[0] for of_label in parts.values() if len(of_label) == 1}
    strange = [label for label, p in parts.items() if len(p) > 1 and not alone.intersection(p)]
    if strange:
        yield f"no part of these combinations occurs alone: {listed(strange)}"


def likely_controls(counted: Counter[str], spelling: Spelling) -> list[str]:
    """Labels with a usual name of controls that are not named as such, the most frequent first."""
    others = [label for label, _ in counted.most_common() if label not in spelling.controls]
    return [label for label in others if CONTROLS.fullmatch(label)]


def _wrongly_split(
    counted: Counter[str], split: dict[str, list[str]], spelling: Spelling
) -> list[str]:
    """Labels with parts of half a bracket; or all combinations, if no part of them is alone."""
    halves = [label for label, parts in split.items() if any(map(_is_half, parts))]
    alone = {parts[0] for label in counted if len(parts := spelling.treatments(label)) == 1}
    strange = [label for label, parts in split.items() if not alone.intersection(parts)]
    return halves or (strange if len(strange) == len(split) else [])


def _is_half(part: str) -> bool:
    return any(part.count(pair[0]) != part.count(pair[1]) for pair in BRACKETS)


def _joined_otherwise(counted: Counter[str], spelling: Spelling) -> Iterator[Finding]:
    """A finding if several labels join a control to something else by another character."""
    for separator in OTHER_SEPARATORS:
        joined = [
            label
            for label in counted
            if separator != spelling.separator
            and label not in spelling.controls
            and any(part.strip() in spelling.controls for part in label.split(separator))
        ]
        others = {
            part for label in joined for part in label.split(separator) if part.strip()
        }.difference(spelling.controls)
        if len(others) > 1:
            expected = f"{len(joined):,} labels join a control by {separator}: {listed(joined)}"
            fix = f'for combinations joined by {separator}, set separator: "{separator}"; if each'
            fix += f' label is one perturbation, set separator: "{spelling.separator}"'
            yield Finding("separator", spelling.separator, expected, fix)
            return
