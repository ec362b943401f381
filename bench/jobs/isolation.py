"""Work that may fail, in a process of its own: whatever becomes of it, the parent can say.

The child is ``python -m bench.jobs.<job> FOLDER``: it reads ``FOLDER/run.yaml`` and writes into
that folder.  What it prints goes to the job's log.  It dies with its parent, and everything it
started dies with it.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from bench.core.files import read_json, write_json
from bench.core.machine import of_the_machine, wants_memory
from bench.core.rows import Status
from bench.jobs.process import LIFELINE, adopt_orphans, guard, kill_group
from bench.jobs.reasons import log_tail, reason_of, shortened

FAILURE = "failure.json"
"""What a child that raised leaves in its folder: status, reason, whether it is the machine's."""

GRACE = 0.97
"""Share of a job's time after which it is stopped, so that its record is written in the rest."""

OWN_FAULTS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})
"""Signals a process brings upon itself; all others come from outside."""

NAMES = {one.value: one.name for one in signal.Signals}
"""Of signals; real-time ones have none."""

RAISED, OF_THE_MACHINE = 1, 75
"""Exit codes of a child that raised; the second where even its reason could not be written."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a child."""

    status: Status
    reason: str = ""
    log_tail: str = ""
    of_the_machine: bool = False
    """Whether the machine is to blame, so that the same work is worth another try."""


class MachineFault(Exception):
    """Work that was cut off: its job fails, is tried again, and is done by the next call."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a job was given.  Without a log its work is done in this process: see ``foreground``."""

    log: str | None
    threads: int
    minutes: float


def run_isolated(job: str, folder: Path, limits: Limits) -> Outcome:
    """Run ``python -m bench.jobs.<job> FOLDER`` in a child, which has ``limits.minutes``."""
    return run_limited([sys.executable, "-m", f"bench.jobs.{job}", str(folder)], folder, limits)


def run_limited(command: list[str], folder: Path, limits: Limits) -> Outcome:
    """Run a command, which may leave :data:`FAILURE` in ``folder``; what it prints is logged."""
    kills_before, minutes, log = _kernel_kills(), limits.minutes, Path(str(limits.log))
    with log.open("a", encoding="utf8") as stream:
        code = _exit_code(command, limits.threads, minutes, stream)
    tail = log_tail(log) if code != 0 else ""
    if code is None:
        reason = (
            f"stopped after {minutes * GRACE:.3g} minutes, the time a job of this rule is given"
        )
        return Outcome(status="timeout", reason=reason, log_tail=tail)
    return _outcome(code, Path(folder) / FAILURE, tail, _kernel_kills() > kills_before)


def run_here(work: Callable[[Path], None], folder: Path) -> Outcome:
    """Do the work in this process, where a debugger may stop it; its traceback is printed."""
    try:
        work(folder)
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        traceback.print_exc()
        return Outcome(**_said(error))
    return Outcome(status="ok")


def as_child(work: Callable[[Path], None]) -> None:
    """The child's side: guard, work in the folder that is named, leave a reason if it fails."""
    guard()
    folder, code = Path(sys.argv[1]).resolve(), 0
    try:
        work(folder)
    except BaseException as error:  # whatever it is, a user's file may have raised it
        traceback.print_exc()
        code = _leave_reason(folder, error)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a model left running would hold the process up.
    os._exit(code)


def limited_env(threads: int) -> dict[str, str]:
    """The environment in which torch and BLAS use no more threads than the job was given."""
    names = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA")
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}


def _exit_code(command: list[str], threads: int, minutes: float, stream: TextIO) -> int | None:
    """How the child ended; None where its time was over.  Nothing it started lives on."""
    with _lifeline() as held, adopt_orphans():
        child = subprocess.Popen(
            command,
            env=limited_env(threads) | {LIFELINE: str(held)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            pass_fds=(held,),
            start_new_session=True,
        )
        try:
            return child.wait(minutes * 60 * GRACE)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(child.pid)
            child.wait()


@contextmanager
def _lifeline() -> Iterator[int]:
    """The end of a pipe for the child, which is closed when this process ends in any way."""
    for_child, own = os.pipe()
    try:
        yield for_child
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
            reason = "killed by the kernel for want of memory"
            return Outcome(
                status="out_of_memory", reason=reason, log_tail=tail, of_the_machine=True
            )
        reason = f"killed by signal {-code} ({name})"
        own = -code in OWN_FAULTS
        return Outcome(status="failed", reason=reason, log_tail=tail, of_the_machine=not own)
    last = shortened(tail.rpartition("\n")[2])
    reason = f"ended with exit code {code}" + (f": {last}" if last else "")
    machine = code == OF_THE_MACHINE
    return Outcome(status="failed", reason=reason, log_tail=tail, of_the_machine=machine)


def _said(error: BaseException) -> dict[str, Any]:
    memory = wants_memory(error)
    status = "out_of_memory" if memory else "failed"
    machine = memory or of_the_machine(error)
    return {"status": status, "reason": reason_of(error), "of_the_machine": machine}


def _leave_reason(folder: Path, error: BaseException) -> int:
    """Write why the child failed; returns its exit code."""
    try:
        write_json(folder / FAILURE, _said(error))
    except OSError:
        traceback.print_exc()
        return OF_THE_MACHINE
    return RAISED


def _kernel_kills() -> int:
    """How many processes this kernel has killed for want of memory since it started."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
