"""Runs code of an author's file and turns an exception into a finding that names the line."""

from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from typing import Any

from bench.core.errors import Finding, text_of


def attempted(file: Path, place: str, call: Callable[[], Any]) -> Any:
    """The result of a call, or a finding if it raises.

    The finding names the last line of ``file`` on the way to the exception, if there is one.
    """
    try:
        return call()
    except (Exception, SystemExit) as error:  # an author's code may raise anything, or exit
        raised = f"raises {type(error).__name__}: {text_of(error)}"
        return Finding(place, None, raised + _line(file, error))


def _line(file: Path, error: BaseException) -> str:
    frames = walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if Path(frame.f_code.co_filename) == file]
    return f" ({file.name}, line {lines[-1]})" if lines else ""
