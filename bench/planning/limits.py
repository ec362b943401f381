"""Limits of a study: beyond them a number is a typing error, or more than a machine can plan."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from bench.core.errors import Finding

LARGEST = 10_000_000
"""Maximum of a whole number whose card declares none, but for a seed."""

LARGEST_SEED = 2**63 - 1
MOST_SEEDS = 1000
MOST_SPLITS = 1000

MOST_COMBINATIONS = 20_000
"""Maximum number of combinations of all lists of a study."""

MOST_ROWS = 100_000
"""Maximum number of rows of the plan, of all datasets, tasks, splits and runs."""

OF_KEYS = {
    "seeds": f" At most {MOST_SEEDS:,}, each from 0 to {LARGEST_SEED}.",
    "splits": f" At most {MOST_SPLITS:,}.",
}
"""What a message adds to the meaning of a key of a study."""


def largest(parameter: str) -> int:
    """The maximum of a whole number, by the name of its parameter."""
    return LARGEST_SEED if parameter == "seed" else LARGEST


def too_many_combinations(place: str, number: int, total: int) -> Finding:
    """The finding for lists that bring the combinations of a study beyond the limit."""
    limit = f"with it the study has {total:,}, and {MOST_COMBINATIONS:,} is the limit"
    expected = f"its lists make {number:,} combinations; {limit}"
    return Finding(place, None, expected, "list fewer values, or use a search")


def too_many_rows(sections: Mapping[str, Sequence[Any]], trials: int, splits: int) -> list[Finding]:
    """A finding if the plan of these entries, and of so many trials, is longer than the limit."""
    counts = {
        "datasets": len(sections["datasets"]),
        "tasks": len(sections["tasks"]),
        "splits": splits,
        "runs, baselines and trials": len(sections["runs"]) + len(sections["baselines"]) + trials,
    }
    rows = prod(counts.values())
    if rows <= MOST_ROWS:
        return []
    product = " × ".join(f"{number:,} {what}" for what, number in counts.items())
    expected = f"{product} make {rows:,} runs; {MOST_ROWS:,} is the limit"
    return [Finding("the study", None, expected, "write several studies")]
