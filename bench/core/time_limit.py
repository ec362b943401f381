"""A limit on the time that code of a user takes in this process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0
"""Seconds until the exception is raised again, should the code catch it."""


class TooLong(BaseException):
    """The time is over.  ``except Exception`` in the code does not catch it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TooLong` in the body after so many seconds.

    Works in the main thread, between two steps of Python's interpreter: one call of compiled code
    is not interrupted.  In other threads, and inside another use of the same timer, there is no
    limit.
    """
    if threading.current_thread() is not threading.main_thread() or any(
        signal.getitimer(signal.ITIMER_REAL)
    ):
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TooLong
