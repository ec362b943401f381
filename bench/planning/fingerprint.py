"""A digest of the source files that a job depends on.

Files are read and not imported, so that planning is fast.  The digest starts from the rule's file
in ``bench/jobs`` and from the files of the contributions, and follows imports of the package and
imports of a user's file from its own folder.  The catalogue selects code by name, without an
import statement: the digest includes only contributions that the caller passes in.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def code_of(rule: str, *files: Path, package: Path | None = None) -> str:
    """The digest of ``bench/jobs/<rule>.py`` and these contributions, with all their imports.

    Raises KeyError if no job has this name.
    """
    package = package or PACKAGE
    job = package / "jobs" / f"{rule}.py"
    if not job.is_file():
        raise KeyError(f"{package / 'jobs'} has no job {rule}")
    return digest(job, *files, package=package)


def digest(*roots: Path, package: Path = PACKAGE) -> str:
    """The digest of these files, in this order, and of every file they import, far and near."""
    given = [Path(root).resolve() for root in roots]
    imported = sources(*roots, package=package).difference(given)
    named = sorted((_name(path, package.resolve()), _read(path)) for path in imported)
    return _combined([*map(_read, given), *(part for name, text in named for part in (name, text))])


def sources(*roots: Path, package: Path = PACKAGE) -> frozenset[Path]:
    """These files and every file they import, of the package or from a user's own folder."""
    todo, seen = [Path(root).resolve() for root in roots], set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports_of(path, package.resolve())
    return frozenset(seen)


def _name(path: Path, package: Path) -> bytes:
    """What tells a source from others, wherever the package or the user's folder lies."""
    own = path.is_relative_to(package)
    return (str(path.relative_to(package)) if own else path.name).encode()


def _imports_of(path: Path, package: Path) -> frozenset[Path]:
    return _file_imports(*_state(path), package)


@cache
def _file_imports(path: Path, stamp: int, size: int, package: Path) -> frozenset[Path]:
    if path.suffix != ".py":
        return frozenset()
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):
        # It cannot be imported either: whoever needs its card says so.
        body = []
    return frozenset(_imported(body, path, package))


def _imported(body: Iterable[ast.stmt], path: Path, package: Path) -> Iterator[Path]:
    """Files of the package that statements import, at any depth of nesting.

    A user's file may also import modules from its own folder (``catalogue`` makes this possible).
    """
    own = path.is_relative_to(package)
    for node in (node for statement in body for node in ast.walk(statement)):
        for name in _names_of(node, path, package):
            yield from _files_of(name, package)
            if not own and not name.startswith("."):
                yield from _modules(path.parent, name.split("."))


def _names_of(node: ast.AST, path: Path, package: Path) -> Iterator[str]:
    """The full names of the modules that a statement may import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = _origin(node, path, package)
        yield from filter(None, [origin])
        yield from (f"{origin}.{alias.name}" for alias in node.names)


def _origin(node: ast.ImportFrom, path: Path, package: Path) -> str:
    """The full name of the module of a ``from`` statement, with relative dots resolved."""
    if not node.level:
        return node.module or ""
    if not path.is_relative_to(package):
        return ""
    parts = [package.name, *path.relative_to(package).parts[:-1]]
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def _files_of(name: str, package: Path) -> Iterator[Path]:
    """The module of the package with this name, and its parent packages except the outermost.

    ``bench/__init__.py`` has only the version: a new version is no reason to train again.
    """
    first, *rest = name.split(".")
    if first == package.name:
        yield from _modules(package, rest)


def _modules(folder: Path, names: list[str]) -> Iterator[Path]:
    """The files below a folder that an import of a dotted name reads."""
    for depth in range(1, len(names) + 1):
        base = folder.joinpath(*names[:depth])
        for path in (base.parent / f"{base.name}.py", base / "__init__.py"):
            if path.is_file():
                yield path.resolve()


def _state(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


def _read(path: Path) -> bytes:
    return _bytes(*_state(path))


@cache
def _bytes(path: Path, stamp: int, size: int) -> bytes:
    return path.read_bytes()


def _combined(parts: Iterable[bytes]) -> str:
    whole = sha256()
    for part in parts:
        whole.update(sha256(part).digest())
    return whole.hexdigest()[:16]
