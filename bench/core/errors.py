"""Errors for users: all findings at once, each with location, value, expectation and fix."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

MOST_LISTED = 10
"""Lists in messages end after so many names, with the number of the others."""
MOST_JOINED = 3
"""Findings in one line."""
LONGEST_NAME = 120
"""Characters of a name in a list."""
LONGEST = 300
"""Maximum number of characters of a value in a message."""


class Finding(NamedTuple):
    """One problem and a suggested fix.

    ``place`` is its location (``runs.nbvae.n_latnet``, a file, a column); ``value`` is the value
    at this location; ``expected`` states the problem or the expected value; ``fix`` is a
    suggestion, possibly empty.
    """

    place: str
    value: Any
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is None else f" is {_cut(repr(self.value))}"
        fix = f"; {self.fix}" if self.fix else ""
        return f"{_cut(self.place)}{shown}: {self.expected}{fix}"


def _cut(text: str) -> str:
    """At most ``LONGEST`` characters of a text."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class UserError(Exception):
    """An error that only the user can correct; shown as a message without a traceback."""

    def __init__(self, heading: str, findings: Sequence[Finding], most: int | None = None) -> None:
        """The message shows the first ``most`` findings, or all."""
        self.heading, self.findings = heading, tuple(findings)
        shown, n_more = self.findings[:most], len(self.findings[most:]) if most else 0
        more = [f"  and {n_more:,} more"] if n_more else []
        super().__init__("\n".join([heading, *(f"  - {finding}" for finding in shown), *more]))


def mistake(place: str, value: Any, expected: str, fix: str = "") -> UserError:
    """A :class:`UserError` with one finding."""
    return UserError("One problem:", [Finding(place, value, expected, fix)])


def joined(findings: Iterable[Finding]) -> str:
    """The first findings in one line, and how many more there are."""
    every = [str(finding) for finding in findings]
    more = len(every) - MOST_JOINED
    return "; ".join([*every[:MOST_JOINED], *([f"and {more:,} more"] if more > 0 else [])])


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - MOST_LISTED:,} more" if len(every) > MOST_LISTED else ""
    return ", ".join(map(_printable, every[:MOST_LISTED])) + more


def _printable(name: str) -> str:
    """A name for a terminal: in one line and not longer than a few words."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name[: LONGEST_NAME + 1])
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def suggestion(name: str, known: Sequence[str], otherwise: str = "") -> str:
    """The known name closest to ``name``; without one, ``otherwise`` or the list of all names."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    listed = otherwise or f"there are: {', '.join(known)}"
    return f"did you mean {close[0]}?" if close else listed


def text_of(error: BaseException) -> str:
    """The message of an exception; a replacement if the exception cannot produce its message."""
    try:
        return str(error)
    except Exception as second:
        return f"its message cannot be read ({type(second).__name__})"
