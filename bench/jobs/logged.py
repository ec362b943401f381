"""Decorator for jobs of the workflow: a log, a failure note, and an end together with Snakemake."""

import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import write_json
from bench.core.machine import wants_memory
from bench.jobs.forked import is_forked
from bench.jobs.isolation import MachineFault
from bench.jobs.process import leave_with_owner
from bench.jobs.reasons import TAIL_BYTES, log_tail, reason_of, shortened
from bench.results.layout import failure_note


def logged(job: Callable[..., None]) -> Callable[..., None]:
    """A job that writes its output to its log, if it has one, and a note if it fails.

    A job with a parameter ``log`` also receives the path, so that its child can write there.

    For an error of the user the log has the message without a traceback.  The note has status and
    reason, which the table of runs and the terminal show.
    """

    passes_on = "log" in signature(job).parameters

    @wraps(job)
    def with_log(*arguments: Any, log: str | None = None, **named: Any) -> None:
        named |= {"log": log} if passes_on else {}
        if log is None:
            job(*arguments, **named)
            return
        # A copy of the server of jobs ends with it, and must have one thread to be copied.
        if not is_forked():
            leave_with_owner()
        failure_note(Path(log)).unlink(missing_ok=True)
        with (
            Path(log).open("w", buffering=1, encoding="utf8") as log_file,
            redirect_stdout(log_file),
            redirect_stderr(log_file),
        ):
            try:
                job(*arguments, **named)
            except (Exception, SystemExit) as error:  # a user's file may raise anything
                log_file.write(_told(error))
                _note(Path(log), error)
                raise SystemExit(1) from None

    return with_log


def _told(error: BaseException) -> str:
    if isinstance(error, UserError):
        return f"{error}\n"
    if isinstance(error, MachineFault):
        return f"{error.outcome.log_tail}\n{error}\n"
    return traceback.format_exc()


def _note(log: Path, error: BaseException) -> None:
    status = "out_of_memory" if wants_memory(error) else "failed"
    reason, tail = reason_of(error), log_tail(log)
    if isinstance(error, MachineFault):
        status, reason = error.outcome.status, error.outcome.reason
    elif isinstance(error, UserError):
        reason = shortened("; ".join(map(str, error.findings)), TAIL_BYTES)
    write_json(failure_note(log), {"status": status, "reason": reason, "log_tail": tail})
