"""Processes that start as a copy of this one, with all libraries imported (Linux)."""

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

from bench.jobs.process import die_with_parent

_forked = False


def is_forked() -> bool:
    """Whether this process is a copy of the server of jobs, and may be copied again."""
    return _forked


def begin() -> None:
    """The first call in a child of the server: it ends with the server, and is fresh otherwise."""
    global _forked
    _forked = True
    die_with_parent()
    _fresh_randomness()


class Forked:
    """A child process that calls a function; it has the interface of ``Popen`` that we need."""

    def __init__(
        self, work: Callable[[], None], environment: Mapping[str, str], log: TextIO
    ) -> None:
        """The output of the child goes to ``log``; ``work`` must end the process."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(environment, log)
            work()
            os._exit(0)
        self._descriptor = os.pidfd_open(self.pid)
        self._code: int | None = None

    def wait(self, seconds: float | None = None) -> int:
        """The exit code, negative for a signal.  Raises TimeoutExpired after ``seconds``."""
        if self._code is None:
            limit = None if seconds is None or seconds == float("inf") else seconds
            if not select.select([self._descriptor], [], [], limit)[0]:
                raise subprocess.TimeoutExpired([], seconds or 0.0)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._descriptor)
        return self._code


def _become(environment: Mapping[str, str], log: TextIO) -> None:
    """Own session, input, output and environment."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(one, "w", 1, "utf8", closefd=False) for one in (1, 2))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    _limit_threads(int(environment["OMP_NUM_THREADS"]))
    _fresh_randomness()


def _limit_threads(threads: int) -> None:
    """Libraries read the environment when they are imported: tell those that are imported."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)


def _fresh_randomness() -> None:
    """Random numbers that no seed determines differ between processes."""
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(random.getrandbits(63))
