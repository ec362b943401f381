"""Lists in messages: they end after ten names, with the number of the others."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 10


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - MOST_LISTED:,} more" if len(every) > MOST_LISTED else ""
    return ", ".join(every[:MOST_LISTED]) + more


def meant(name: str, known: list[str]) -> str:
    """The name of the file that is most like a wrong one, and the names that there are."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    close = close or [one for one in known if name and one.lower().startswith(name.lower())][:1]
    there = f"there are: {listed(known)}" if known else "there are none"
    return f"did you mean {close[0]}? {there}" if close else there
