"""A digest of the source a job depends on: read, never imported, so that planning stays light.

It starts from the function of ``bench/jobs.py`` that runs the rule and from the files of the
contributions it uses, and follows the package's own imports.  The catalogue picks code by name,
which no import statement shows: contributions count only where they are handed in.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_of(rule: str, *files: Path, package: Path = PACKAGE) -> str:
    """The digest of ``bench.jobs.<rule>`` and these contributions, with all they import."""
    used = _used_by(rule, package / "jobs.py", package)
    own = "\n".join(text for text, _ in used)
    imported = {path for _, paths in used for path in paths}
    return _combined([own.encode(), digest(*imported, *files, package=package).encode()])


def digest(*roots: Path, package: Path = PACKAGE) -> str:
    """The digest of these files and of every file of the package they import, far and near."""
    todo, seen = [Path(root).resolve() for root in roots], set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports_of(path, package.resolve())
    return _combined(sorted(_read(path) for path in seen))


def _used_by(rule: str, jobs: Path, package: Path) -> list[tuple[str, frozenset[Path]]]:
    """Source and imported files of a function of ``jobs`` and of whatever it uses in that file."""
    statements = _statements(*_state(jobs), package.resolve())
    if rule not in statements:
        raise KeyError(f"{jobs} has no function {rule}")
    todo, seen = [rule], list[str]()
    while todo:
        name = todo.pop()
        if name in statements and name not in seen:
            seen.append(name)
            todo += sorted(statements[name][1])
    return [(text, paths) for text, _, paths in (statements[name] for name in sorted(seen))]


@cache
def _statements(
    path: Path, stamp: int, size: int, package: Path
) -> dict[str, tuple[str, frozenset[str], frozenset[Path]]]:
    """For each name a file defines at its top: source, names used, files imported."""
    text = path.read_text(encoding="utf8")
    lines, found = text.splitlines(), {}
    for node in ast.parse(text).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        source = "\n".join(lines[first - 1 : node.end_lineno])
        names = frozenset(_mentioned(node))
        paths = frozenset(_imported([node], path, package))
        for name in _defined(node):
            found[name] = (source, names, paths)
    return found


def _mentioned(node: ast.stmt) -> Iterator[str]:
    """Names a statement uses, and words it quotes: work done in a child is named by a string."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _defined(node: ast.stmt) -> list[str]:
    """The names a top-level statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return [name.id for name in stored if isinstance(name.ctx, ast.Store)]


def _imports_of(path: Path, package: Path) -> frozenset[Path]:
    return _file_imports(*_state(path), package)


@cache
def _file_imports(path: Path, stamp: int, size: int, package: Path) -> frozenset[Path]:
    body = ast.parse(path.read_text(encoding="utf8")).body
    return frozenset(_imported(body, path, package))


def _imported(body: Iterable[ast.stmt], path: Path, package: Path) -> Iterator[Path]:
    """Files of the package that statements import, anywhere within them."""
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name, package)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, path, package)
            yield from _files_of(origin, package)
            for alias in node.names:
                yield from _files_of(f"{origin}.{alias.name}", package)


def _origin(node: ast.ImportFrom, path: Path, package: Path) -> str:
    """The full name of what a ``from`` statement imports from, dots resolved."""
    if not node.level:
        return node.module or ""
    if not path.is_relative_to(package):
        return ""
    parts = [package.name, *path.relative_to(package).parts[:-1]]
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def _files_of(name: str, package: Path) -> Iterator[Path]:
    """The module of the package by that name and the packages it lies in, but for the outermost.

    ``bench/__init__.py`` holds only the version: a new one is no reason to train again.
    """
    first, *rest = name.split(".")
    if first != package.name:
        return
    for depth in range(1, len(rest) + 1):
        base = package.joinpath(*rest[:depth])
        yield from (p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file())


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
