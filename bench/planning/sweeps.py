"""Fans out the lists of a study; every combination has a short label, safe as a folder name.

Labels contain only the swept values: ``nbvae.n_latent-3.learning_rate-0.01``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

LONGEST = 80

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Combination(NamedTuple):
    """One combination of listed values: all values, and the keys that were lists."""

    given: dict[str, Any]
    listed: tuple[str, ...]


def is_safe(label: str) -> bool:
    """Whether a label is a valid folder name on every file system."""
    return bool(SAFE.fullmatch(label)) and len(label) <= LONGEST


def combinations(given: Mapping[str, Any], holds_lists: Callable[[str], bool]) -> list[Combination]:
    """Every combination of the values listed in a mapping; the last key varies fastest.

    For a parameter that ``holds_lists`` a list is one value, and a list of lists fans out.
    """
    listed = fanned_out(given, holds_lists)
    choices = [value if key in listed else [value] for key, value in given.items()]
    return [
        Combination(dict(zip(given, values, strict=True)), listed) for values in product(*choices)
    ]


def fanned_out(given: Mapping[str, Any], holds_lists: Callable[[str], bool]) -> tuple[str, ...]:
    """The keys whose lists fan out."""
    return tuple(key for key, value in given.items() if _fans_out(value, holds_lists(key)))


def count(given: Mapping[str, Any], holds_lists: Callable[[str], bool]) -> int:
    """The number of :func:`combinations`, without making them."""
    return prod(len(given[key]) for key in fanned_out(given, holds_lists))


def swept_keys(given: Sequence[Mapping[str, Any]], listed: Sequence[str]) -> list[str]:
    """The keys in a label: keys with lists, and keys with different values in the mappings."""
    keys = dict.fromkeys(key for values in given for key in values)
    return [k for k in keys if k in listed or any(v.get(k) != given[0].get(k) for v in given)]


def labels(label: str, swept: Sequence[Mapping[str, Any]]) -> list[str]:
    """One label for each combination; a number if its values are not valid in a folder name."""
    if not any(swept):
        return [label] * len(swept)
    spelled = [
        ".".join([label, *(f"{key}-{spell(value)}" for key, value in values.items())])
        for values in swept
    ]
    if all(is_safe(name) for name in spelled):
        return spelled
    return [f"{label}.{number}" for number in range(1, len(swept) + 1)]


def spell(value: Any) -> str:
    """A value as text for a label."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, list | tuple):
        return "-".join(spell(item) for item in value)
    return str(value)


def _fans_out(value: Any, holds_lists: bool) -> bool:
    if not isinstance(value, list):
        return False
    return not holds_lists or (bool(value) and all(isinstance(item, list) for item in value))
