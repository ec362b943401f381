"""What a user is told: every finding at once, each with place, value, expectation and fix."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong, and what to do about it.

    ``place`` is where the user can look (``runs.nbvae.n_latnet``, a file, a column); ``value`` is
    what stands there; ``expected`` says what was expected; ``fix`` is a suggestion, possibly empty.
    """

    place: str
    value: Any
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is None else f" is {self.value!r}"
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.place}{shown}: {self.expected}{fix}"


class UserError(Exception):
    """Something only the user can mend.  Shown as its message alone, never as a traceback."""

    def __init__(self, heading: str, findings: Sequence[Finding]) -> None:
        self.heading, self.findings = heading, tuple(findings)
        super().__init__("\n".join([heading, *(f"  - {finding}" for finding in self.findings)]))


def mistake(place: str, value: Any, expected: str, fix: str = "") -> UserError:
    """A :class:`UserError` of one finding."""
    return UserError("One thing to mend:", [Finding(place, value, expected, fix)])


def suggestion(name: str, known: Sequence[str], otherwise: str = "") -> str:
    """What was probably meant, or else everything there is, or what ``otherwise`` says of it."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    listed = otherwise or f"there are: {', '.join(known)}"
    return f"did you mean {close[0]}?" if close else listed


def text_of(error: BaseException) -> str:
    """What an exception says; of one whose own text fails, that."""
    try:
        return str(error)
    except Exception as second:
        return f"its text cannot be read ({type(second).__name__})"
