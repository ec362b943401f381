"""The cached plan: planning imports every card that a study names, so it happens once.

Reading a cached plan imports only the standard library.  A new plan is made if there is none, or
if the study, a source file or a user's file has changed.  Jobs on a cluster parse the Snakefile
again: they use the plan of the Snakemake process that submitted them.
"""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from bench import __version__
from bench.core.files import write_text
from bench.planning.fingerprint import sources
from bench.planning.plan_record import Plan
from bench.results.digests import Digests

NEWEST = 20
"""Number of cached plans; further plans are deleted, the least recently used first."""

PACKAGE = Path(__file__).parents[1]

SOURCES = frozenset({".py", ".html", ".css", ".js"})
"""Sources of the package, and of the report's page."""

LONGEST_PATH = 4096
"""Longer texts in a study are not file names."""


class Cached(NamedTuple):
    """A plan and its file."""

    plan: Plan
    file: Path


def cached_plan(config: Mapping[str, Any], name: str, folder: Path) -> Cached:
    """The plan of a study from the cache in ``folder``; without one, a new plan that is cached.

    ``config`` are the study's keys, ``name`` is its name.  Raises UserError as
    :func:`bench.planning.plan.make_plan` does; a study with mistakes is never cached.
    """
    folder = Path(folder)
    with Digests(folder / "digests.json") as digests:
        file = folder / f"{cache_key(config, name, digests)}.json"
        if not _is_whole(file):
            write_text(file, _planned(config, name, digests))
            _forget_old(folder)
    os.utime(file)
    return _read(file)


def remember_current(name: str, file: Path) -> None:
    """Make this file the plan for the jobs of a study."""
    write_text(_current(name, file.parent), file.name)


def current_plan(name: str, folder: Path) -> Cached:
    """The plan of the current or latest Snakemake process of a study."""
    return _read(Path(folder) / _current(name, folder).read_text(encoding="utf8"))


def cache_key(config: Mapping[str, Any], name: str, digests: Digests) -> str:
    """A digest of the study, of all source files of the package and of the named user files."""
    whole = sha256()
    key = json.dumps([name, config, __version__, platform.python_version()], default=str)
    whole.update(key.encode())
    theirs = map(Path, filter(_is_file, map(os.path.expanduser, sorted(set(_texts(config))))))
    own = sorted(path for path in PACKAGE.rglob("*") if path.suffix in SOURCES)
    for path in [*own, *_with_modules(theirs)]:
        whole.update(f"{path.name} {digests.of(path)}".encode())
    return whole.hexdigest()[:32]


def _with_modules(files: Iterable[Path]) -> Iterator[Path]:
    """The user's files; Python files with the modules that they import from their folder."""
    for file in files:
        yield file
        if file.suffix == ".py":
            yield from sorted(path for path in sources(file) if not path.is_relative_to(PACKAGE))


def _current(name: str, folder: Path) -> Path:
    return Path(folder) / f"current-{name}.txt"


def _read(file: Path) -> Cached:
    return Cached(Plan(**json.loads(file.read_text(encoding="utf8"))), file)


def _is_whole(file: Path) -> bool:
    """Whether a cached plan is readable; a truncated one is made again."""
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (FileNotFoundError, ValueError):
        return False


def _planned(config: Mapping[str, Any], name: str, digests: Digests) -> str:
    # Reading the study imports pydantic, every named card, and torch with them.
    from bench.planning.plan import make_plan
    from bench.planning.study import from_config

    # A user's file may change the environment on import; no job must inherit that change.
    before = dict(os.environ)
    try:
        plan = make_plan(from_config(config, name), lambda path: str(digests.of(path)))
    finally:
        os.environ.clear()
        os.environ.update(before)
    return json.dumps(plan.as_data(), allow_nan=False)


def _is_file(text: str) -> bool:
    try:
        return 0 < len(text) <= LONGEST_PATH and "\0" not in text and os.path.isfile(text)
    except OSError:
        return False


def _texts(value: Any) -> Iterator[str]:
    """Every text in a study, including keys, at any depth."""
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
    """Remove cached plans except the newest and the current plan of every study."""
    used = {path.read_text(encoding="utf8") for path in folder.glob("current-*.txt")}
    plans = [p for p in folder.glob("*.json") if len(p.stem) == 32 and p.name not in used]
    for path in sorted(plans, key=lambda path: path.stat().st_mtime, reverse=True)[NEWEST:]:
        path.unlink(missing_ok=True)
