"""Reads YAML; invalid YAML and duplicate keys are errors with line numbers."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import Finding, UserError, mistake


def read_yaml(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The mapping in a YAML file, and a finding for every duplicate key.

    Raises UserError, with line and column, if the file is missing, invalid or not a mapping.
    """
    try:
        loader = _Remembering(Path(path).read_text(encoding="utf8"))
        content = loader.get_single_data()
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
    return content, loader.twice


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


def _as_in_a_file(value: Any) -> Any:
    """A value from the command line, read as in a study file."""
    if isinstance(value, list):
        return [_as_in_a_file(one) for one in value]
    if isinstance(value, dict):
        return {key: _as_in_a_file(one) for key, one in value.items()}
    if not isinstance(value, str) or not value:
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        # A title may be any text.
        return value


class _Remembering(yaml.SafeLoader):
    """Records duplicate keys of a mapping, of which YAML would keep the last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[Finding] = []


def _mapping(loader: _Remembering, node: yaml.MappingNode) -> dict[Hashable, Any]:
    first: dict[str, int] = {}
    for key in [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]:
        line = key.start_mark.line + 1
        if key.value in first:
            expected = f"duplicate key, first used in line {first[key.value]}"
            loader.twice.append(Finding(f"line {line}", key.value, expected, "keep one of them"))
        first.setdefault(key.value, line)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Remembering.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)


def _problem(error: yaml.YAMLError) -> str:
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    reason = ", ".join(part for part in parts if part) or str(error)
    return f"is not valid YAML: {reason}"
