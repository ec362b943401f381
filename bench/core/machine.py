"""Errors that the machine causes, not a model or a metric: the work is worth a retry."""

import errno
from collections.abc import Iterator

from bench.core.errors import text_of

OF_THE_MACHINE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS),
        *(errno.ENFILE, errno.EMFILE, errno.ESTALE, errno.EBUSY),
    }
)
"""Errors of the operating system that do not depend on the model."""

NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "memoryerror")
"""Parts of error messages, in lower case, after memory ran out."""

NO_SPACE = ("no space left on device", "disk quota exceeded")

LONGEST = 2000
"""Characters at each end of an error message that are searched."""


def wants_memory(error: BaseException) -> bool:
    """Whether the memory of the machine or of its accelerator ran out."""
    return isinstance(error, MemoryError) or _says(error, ("outofmemoryerror", *NO_MEMORY))


def of_the_machine(error: BaseException) -> bool:
    """Whether the machine caused an error or one of its causes."""
    for one in _chain(error):
        number = one.errno if isinstance(one, OSError) else None
        if number in OF_THE_MACHINE or _says(one, NO_SPACE):
            return True
    return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes; ``raise e from e`` makes a cycle."""
    one: BaseException | None = error
    seen = set[int]()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = text_of(error)
    message = f"{type(error).__name__}: {text[:LONGEST]} {text[-LONGEST:]}".lower()
    return any(word in message for word in words)
