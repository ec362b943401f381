"""Which errors are the machine's: they say nothing of a model or a metric and are worth a retry."""

import errno
from collections.abc import Iterator

from bench.core.errors import text_of

OF_THE_MACHINE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS),
        *(errno.ENFILE, errno.EMFILE, errno.ESTALE, errno.EBUSY),
    }
)
"""Errors of the operating system that say nothing of a model."""

NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "memoryerror")
"""What an error says, in lower case, where memory ran out."""

NO_SPACE = ("no space left on device", "disk quota exceeded")

LONGEST = 2000
"""Characters of an error's text that are looked at."""


def wants_memory(error: BaseException) -> bool:
    """Whether memory ran out: of the machine or of its accelerator."""
    return isinstance(error, MemoryError) or _says(error, ("outofmemoryerror", *NO_MEMORY))


def of_the_machine(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is the machine's."""
    for one in _chain(error):
        number = one.errno if isinstance(one, OSError) else None
        if number in OF_THE_MACHINE or _says(one, NO_SPACE):
            return True
    return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from; ``raise e from e`` makes a circle."""
    one: BaseException | None = error
    seen = set[int]()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = text_of(error)
    said = f"{type(error).__name__}: {text[:LONGEST]} {text[-LONGEST:]}".lower()
    return any(word in said for word in words)
