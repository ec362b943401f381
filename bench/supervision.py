"""Work that may fail, in a process of its own: whatever becomes of it, the parent can say.

The child runs one function of ``bench.jobs``; what it prints goes to the job's log.  A child that
raises, is killed, runs out of memory or out of time leaves an :class:`Outcome`, never a hole.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import yaml

from bench.core.errors import UserError
from bench.core.files import write_text
from bench.core.rows import Status

TAIL_LINES = 30
"""Lines of a failed job's log that are kept in its record."""

NO_MEMORY = ("out of memory", "can't allocate memory", "memoryerror", "outofmemoryerror")
"""What a child's last words contain when memory ran out inside it."""

GRACE = 0.97
"""Share of a job's time after which it is stopped, so that its record is written in the rest."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a child."""

    status: Status
    reason: str = ""
    log_tail: str = ""

    def as_dict(self) -> dict[str, str]:
        """For a status record."""
        return asdict(self)


def told(job: Callable[..., None]) -> Callable[..., None]:
    """A job that writes what it says to its log, where it is given one.

    A mistake of the user's then ends the process with its message in the log, not with a traceback.
    """

    @wraps(job)
    def with_log(*arguments: Any, log: str | None = None, **named: Any) -> None:
        if log is None:
            job(*arguments, **named)
            return
        with (
            Path(log).open("w", encoding="utf8") as said,
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            try:
                job(*arguments, **named)
            except UserError as error:
                said.write(f"{error}\n")
                raise SystemExit(1) from None
            except Exception:
                said.write(traceback.format_exc())
                raise

    return with_log


def begin(folder: Path, run: dict[str, Any], leftovers: Iterable[str]) -> Path:
    """Clear what an earlier attempt left in a run's folder, and write its ``run.yaml``."""
    for name in leftovers:
        (folder / name).unlink(missing_ok=True)
    write_text(folder / "run.yaml", yaml.safe_dump(run, sort_keys=False))
    return folder


def touch_missing(folder: Path, files: Iterable[str]) -> None:
    """Stand an empty file in for each output that a failed child did not write."""
    for name in files:
        (folder / name).touch(exist_ok=True)


def supervised(
    function: str, arguments: dict[str, Any], *, log: str | None, threads: int, minutes: float
) -> Outcome:
    """Run ``bench.jobs.<function>(**arguments)`` in a child, see :func:`watched`."""
    command = [sys.executable, "-m", "bench.jobs", function, json.dumps(arguments)]
    return watched(command, log=log, threads=threads, minutes=minutes)


def watched(command: list[str], *, log: str | None, threads: int, minutes: float) -> Outcome:
    """Run a command in a child and wait at most ``minutes`` for it.

    ``log`` None leaves the child on the terminal, progress bars included.
    """
    kills_before = _kernel_kills()
    if log is None:
        return _outcome(command, threads, minutes, None, kills_before)
    with Path(log).open("w", encoding="utf8") as stream:
        outcome = _outcome(command, threads, minutes, stream, kills_before)
    if outcome.status == "ok":
        return outcome
    lines = Path(log).read_text(encoding="utf8", errors="replace").strip().splitlines()
    return _explained(outcome, lines)


def bounded(threads: int) -> dict[str, str]:
    """The environment in which torch and BLAS use no more threads than the job was given."""
    names = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA")
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}


def _outcome(
    command: list[str], threads: int, minutes: float, stream: TextIO | None, kills_before: int
) -> Outcome:
    try:
        code = subprocess.run(
            command,
            env=bounded(threads),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT if stream else None,
            timeout=minutes * 60 * GRACE,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return Outcome(status="timeout", reason=f"stopped after {minutes * GRACE:.3g} minutes")
    if code == 0:
        return Outcome(status="ok")
    if code == -9 and _kernel_kills() > kills_before:
        return Outcome(status="out_of_memory", reason="killed by the kernel for want of memory")
    ended = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return Outcome(status="failed", reason=ended)


def _explained(outcome: Outcome, lines: list[str]) -> Outcome:
    """The outcome with the end of the log; an exception's own words are a better reason."""
    reason, status = outcome.reason, outcome.status
    if lines and "exit code" in reason:
        reason = lines[-1]
    if any(words in reason.lower() for words in NO_MEMORY):
        status = "out_of_memory"
    return Outcome(status=status, reason=reason, log_tail="\n".join(lines[-TAIL_LINES:]))


def _kernel_kills() -> int:
    """How many processes this kernel has killed for want of memory since it started."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
