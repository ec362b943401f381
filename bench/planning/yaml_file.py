"""Reads YAML; invalid YAML and duplicate keys are errors with line numbers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import Finding, UserError, mistake
from bench.planning.yaml_loader import StudyLoader

LONGEST_FILE = 1_000_000
"""Maximum number of bytes of a study; the parser reads about 100,000 in a second."""


def read_yaml(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The mapping in a YAML file, and a finding for every duplicate key.

    Raises UserError, with line and column, if the file is missing, invalid or not a mapping.
    """
    try:
        content, twice = _loaded(_text(Path(path)))
    except OSError as error:
        raise mistake(str(path), None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise mistake(str(path), None, f"is not text in UTF-8: {error.reason}") from None
    except yaml.YAMLError as error:
        raise mistake(_place(path, error), None, _problem(error)) from None
    if content is None:
        return {}, []
    if not isinstance(content, dict):
        raise mistake(str(path), None, "expected keys and values, such as 'seeds: 5'")
    return content, twice


def merged(files: Iterable[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The study in these files; keys of later files, then of ``overrides``, replace earlier keys.

    ``overrides`` come from ``snakemake --config``, which leaves ``true`` and numbers in lists as
    text: they are read as in a file.  Raises UserError if a file cannot be read or has duplicate
    keys.
    """
    study: dict[str, Any] = {}
    for file in files:
        content, twice = read_yaml(file)
        if twice:
            raise UserError(f"Duplicate keys in {file}:", twice)
        study |= content
    return study | {key: _as_in_a_file(value) for key, value in overrides.items()}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(LONGEST_FILE + 1)
    if len(start) > LONGEST_FILE:
        raise mistake(str(path), None, f"is longer than a study can be: {LONGEST_FILE:,} bytes")
    return start.decode("utf8")


def _loaded(text: str) -> tuple[Any, list[Finding]]:
    """The content, and the duplicate keys.  Raises YAMLError for every kind of invalid text."""
    loader: StudyLoader | None = None
    try:
        loader = StudyLoader(text)
        return loader.get_single_data(), loader.twice
    except (ValueError, OverflowError) as error:
        # PyYAML has no message for an escape such as "\UFFFFFFFF", which is no character.
        mark = loader.get_mark() if loader else None
        raise yaml.MarkedYAMLError(problem=f"cannot be read: {error}", problem_mark=mark) from None


def _as_in_a_file(value: Any) -> Any:
    """A value from the command line, read as in a study file."""
    if isinstance(value, list):
        return [_as_in_a_file(one) for one in value]
    if isinstance(value, dict):
        return {key: _as_in_a_file(one) for key, one in value.items()}
    if not isinstance(value, str) or not value:
        return value
    try:
        return _loaded(value)[0]
    except yaml.YAMLError:
        # A title may be any text.
        return value


def _place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)


def _problem(error: yaml.YAMLError) -> str:
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    reason = ", ".join(part for part in parts if part) or str(error)
    fix = "; indent with blanks, not with tabs" if "'\\t'" in reason else ""
    mark = getattr(error, "context_mark", None)
    if mark and "flow" in reason:
        fix = f"; a bracket that opens in line {mark.line + 1} may not be closed"
    if mark and "quoted scalar" in reason:
        fix = f"; a quotation mark in line {mark.line + 1} may not be closed"
    return f"is not valid YAML: {reason}{fix}"
