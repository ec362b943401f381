"""Runs work that may fail in a child process, so that the parent can record any failure.

The child is ``python -m bench.jobs.<job> FOLDER``, or a copy of this process that does the same: it
reads ``FOLDER/run.yaml`` and writes into this folder.  Its output goes to the log of the job.  If
the parent ends, the child and all processes that it started end too.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from bench.core.files import read_json, write_json
from bench.core.machine import of_the_machine, wants_memory
from bench.core.rows import Status
from bench.jobs.forked import Forked, is_forked
from bench.jobs.process import LIFELINE, adopt_orphans, guard, kill_group
from bench.jobs.reasons import log_tail, reason_of, shortened

FAILURE = "failure.json"
"""File of a child that raised: status, reason, and whether the machine caused the failure."""

GRACE = 0.97
"""Fraction of a job's time limit for the child; the rest is for writing its record."""

OWN_FAULTS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})
"""Signals that a process causes itself; all others come from outside."""

NAMES = {one.value: one.name for one in signal.Signals}
"""Of signals; real-time ones have none."""

RAISED, OF_THE_MACHINE = 1, 75
"""Exit codes of a child that raised; the second if it could not write its reason."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a child process."""

    status: Status
    reason: str = ""
    log_tail: str = ""
    of_the_machine: bool = False
    """Whether the machine caused the failure, so that a second attempt can succeed."""


class MachineFault(Exception):
    """Interrupted work: the job fails, and the next attempt does the work."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Log and resources of a job.  Without a log it works in this process (``foreground``)."""

    log: str | None
    threads: int
    minutes: float


Start = Callable[[Mapping[str, str], TextIO, int, int], subprocess.Popen[bytes] | Forked]
"""(environment, output, end of the lifeline for the child, own end) -> the child."""


def run_isolated(job: str, work: Callable[[Path], None], folder: Path, limits: Limits) -> Outcome:
    """Run ``python -m bench.jobs.<job> FOLDER`` in a child for at most ``limits.minutes``.

    ``work`` is what this program does: a copy of this process does it if libraries allow copies.
    """
    if is_forked():
        return _limited(partial(_fork, work, folder), folder, limits)
    return run_limited([sys.executable, "-m", f"bench.jobs.{job}", str(folder)], folder, limits)


def run_limited(command: list[str], folder: Path, limits: Limits) -> Outcome:
    """Run a command that may write :data:`FAILURE` into ``folder``; its output is logged."""
    return _limited(partial(_spawn, command), folder, limits)


def _limited(start: Start, folder: Path, limits: Limits) -> Outcome:
    kills_before, minutes, log = _kernel_kills(), limits.minutes, Path(str(limits.log))
    with log.open("a", encoding="utf8") as stream:
        code = _exit_code(start, limits.threads, minutes, stream)
    tail = log_tail(log) if code != 0 else ""
    if code is None:
        reason = (
            f"stopped after {minutes * GRACE:.3g} minutes, the time limit of a job of this rule"
        )
        return Outcome(status="timeout", reason=reason, log_tail=tail)
    return _outcome(code, Path(folder) / FAILURE, tail, _kernel_kills() > kills_before)


def run_here(work: Callable[[Path], None], folder: Path) -> Outcome:
    """Do the work in this process, so that a debugger works; prints the traceback of an error."""
    try:
        work(folder)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        traceback.print_exc()
        return Outcome(**_said(error))
    return Outcome(status="ok")


def as_child(work: Callable[[Path], None], folder: Path | None = None) -> None:
    """Main function of a child: start the guard, do the work, and write a reason on failure.

    Without a folder it is the argument of the program.
    """
    guard()
    folder, code = (folder or Path(sys.argv[1])).resolve(), 0
    try:
        work(folder)
    except BaseException as error:  # a user's file may raise anything
        traceback.print_exc()
        code = _leave_reason(folder, error)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a model has not ended would keep the process alive.
    os._exit(code)


def limited_env(threads: int) -> dict[str, str]:
    """An environment that limits torch and BLAS to this number of threads."""
    names = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA")
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}


def _exit_code(start: Start, threads: int, minutes: float, stream: TextIO) -> int | None:
    """The exit code of the child; None after the time limit.  Ends all of its processes."""
    with _lifeline() as (for_child, own), adopt_orphans():
        env = limited_env(threads) | {LIFELINE: str(for_child)}
        child = start(env, stream, for_child, own)
        try:
            return child.wait(minutes * 60 * GRACE)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(child.pid)
            child.wait()


def _spawn(
    command: list[str], env: Mapping[str, str], stream: TextIO, for_child: int, own: int
) -> subprocess.Popen[bytes]:
    """A new program."""
    return subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=stream,
        stderr=subprocess.STDOUT,
        pass_fds=(for_child,),
        start_new_session=True,
    )


def _fork(
    work: Callable[[Path], None],
    folder: Path,
    env: Mapping[str, str],
    stream: TextIO,
    for_child: int,
    own: int,
) -> Forked:
    """A copy of this process."""

    def child() -> None:
        # Otherwise the pipe would not close when the parent ends.
        os.close(own)
        as_child(work, folder)

    return Forked(child, env, stream)


@contextmanager
def _lifeline() -> Iterator[tuple[int, int]]:
    """A pipe between this process and a child; it closes when this process ends."""
    for_child, own = os.pipe()
    try:
        yield for_child, own
    finally:
        os.close(for_child)
        os.close(own)


def _outcome(code: int, left: Path, tail: str, kernel_killed: bool) -> Outcome:
    if code == 0:
        return Outcome(status="ok")
    if left.is_file():
        return Outcome(**read_json(left), log_tail=tail)
    if code < 0:
        name = NAMES.get(-code, "real-time")
        if code == -signal.SIGKILL and kernel_killed:
            reason = "killed by the kernel because memory ran out"
            return Outcome(
                status="out_of_memory", reason=reason, log_tail=tail, of_the_machine=True
            )
        reason = f"killed by signal {-code} ({name})"
        own = -code in OWN_FAULTS
        return Outcome(status="failed", reason=reason, log_tail=tail, of_the_machine=not own)
    last = shortened(tail.rpartition("\n")[2])
    reason = f"the process ended with exit code {code}" + (f": {last}" if last else "")
    machine = code == OF_THE_MACHINE
    return Outcome(status="failed", reason=reason, log_tail=tail, of_the_machine=machine)


def _said(error: BaseException) -> dict[str, Any]:
    memory = wants_memory(error)
    status = "out_of_memory" if memory else "failed"
    machine = memory or of_the_machine(error)
    return {"status": status, "reason": reason_of(error), "of_the_machine": machine}


def _leave_reason(folder: Path, error: BaseException) -> int:
    """Write the reason of a failure; returns the exit code of the child."""
    try:
        write_json(folder / FAILURE, _said(error))
    except OSError:
        traceback.print_exc()
        return OF_THE_MACHINE
    return RAISED


def _kernel_kills() -> int:
    """Number of processes that this kernel has killed because memory ran out."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
