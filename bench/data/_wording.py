"""Suggestions for names that a file does not have."""

from collections.abc import Iterable
from difflib import get_close_matches

from bench.core.errors import listed


def meant(name: str, known: list[str]) -> str:
    """The name of the file that is most like a wrong one, and the names that there are."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    close = close or [one for one in known if name and one.lower().startswith(name.lower())][:1]
    there = f"there are: {listed(known)}" if known else "there are none"
    return f"did you mean {close[0]}? {there}" if close else there


def is_like(name: str, known: Iterable[str]) -> bool:
    """Whether a known name is probably meant: the same but for case, or nearly."""
    return bool(get_close_matches(name.lower(), [one.lower() for one in known], n=1, cutoff=0.8))
