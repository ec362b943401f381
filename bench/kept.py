"""The kept plan: every job on a cluster parses the Snakefile again, and planning happens once.

Reading a kept plan imports nothing but the standard library; only where there is none yet, or
where the study or a source has changed since, are the cards loaded and the plan made anew.
"""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench import __version__
from bench.core.files import write_text
from bench.plan import Plan, make_plan

NEWEST = 20
"""Kept plans beyond these are thrown away, oldest use first."""

PACKAGE = Path(__file__).parent


def kept_plan(config: Mapping[str, Any], name: str, folder: Path) -> Plan:
    """The plan of a study, from ``folder`` where it is kept.

    ``config`` are the study's keys, ``name`` is its name.  Raises UserError as
    :func:`bench.plan.make_plan` does; a study with mistakes is never kept.
    """
    kept = Path(folder) / f"{key_of(config, name)}.json"
    if kept.is_file():
        os.utime(kept)
    else:
        write_text(kept, _planned(config, name))
        _forget_old(Path(folder))
    return Plan(**json.loads(kept.read_text(encoding="utf8")))


def key_of(config: Mapping[str, Any], name: str) -> str:
    """A digest of the study, of every source of the package and of the user's files it names."""
    whole = sha256()
    said = json.dumps([name, config, __version__, platform.python_version()], default=str)
    whole.update(said.encode())
    own = sorted(PACKAGE.rglob("*.py"))
    theirs = [Path(text) for text in sorted(set(_texts(config))) if text.endswith(".py")]
    for path in [*own, *(path for path in theirs if path.is_file())]:
        whole.update(sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:32]


def _planned(config: Mapping[str, Any], name: str) -> str:
    # Reading the study loads pydantic and every card it names, torch with them.
    from bench.study import from_config

    plan = make_plan(from_config(config, name))
    return json.dumps(plan.as_data(), allow_nan=False)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a study, keys included, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _all_texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        yield from _all_texts(value)


def _all_texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)


def _forget_old(folder: Path) -> None:
    plans = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in plans[NEWEST:]:
        path.unlink(missing_ok=True)
