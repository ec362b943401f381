"""Shape of the code: what style asks for and a machine can check."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.catalogue import CARDS, names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bench"
MODULES = sorted(PACKAGE.rglob("*.py"))
SHELVES = [PACKAGE / shelf / f"{name}.py" for shelf in CARDS for name in names(shelf)]

LONGEST_FILE, LONGEST_FUNCTION = 300, 50
NAMELESS = {"utils", "util", "helpers", "helper", "misc", "common", "base"}
"""A thing without a name of its own is not understood yet."""

SPEAKS = {
    *("bench/__main__.py", "bench/planning/schema.py", "bench/jobs/foreground.py"),
    *("bench/jobs/replicates.py", "bench/jobs/report.py", "bench/jobs/main_process.py"),
}
"""Programs of the command line, and jobs: what these say goes to their logs or the terminal."""

PICKS_CODE = {"bench/catalogue.py"}
"""The only place where a string picks code."""

LISTS_ITS_FILTERS = {"bench/reports/_page.py"}
"""Hands a fixed list of functions to the template by their names."""

SEEDS_GLOBALLY = {"bench/training/stack.py", "bench/jobs/forked.py"}
"""Layers initialise themselves from torch's global generator: it is lent one, and given back.
Copies of a process would share random numbers that no seed determines: they receive others."""

LEGACY_DRAWS = {
    *("bench/data/thinning_example.py", "bench/data/masking_example.py"),
    "bench/data/replogle2022.py",
}
"""Published data: numpy's legacy stream, in an object of its own."""

AMBIENT = re.compile(
    r"np\.random\.(?!default_rng|Generator|SeedSequence|RandomState)\w+"
    r"|torch\.(?:cuda\.)?manual_seed|random\.seed"
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def called(path: Path) -> set[str]:
    """Names of the plain functions a file calls."""
    calls = (node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return {name.id for name in calls if isinstance(name, ast.Name)}


def asked(path: Path) -> set[str]:
    """What ``getattr`` is called on, where that is a plain name."""
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    lookups = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "getattr"]
    return {c.args[0].id for c in lookups if isinstance(c.args[0], ast.Name)}


def imported(path: Path) -> set[str]:
    """Names a file binds by importing."""
    nodes = [n for n in ast.walk(parsed(path)) if isinstance(n, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).split(".")[0] for node in nodes for alias in node.names}


def test_files_are_short() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf8").splitlines()) for path in MODULES}
    assert not {name: n for name, n in lengths.items() if n > LONGEST_FILE}


def test_functions_are_short() -> None:
    found = {
        f"{named(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in MODULES
        for node in functions(path)
    }
    assert not {name: n for name, n in found.items() if n > LONGEST_FUNCTION}


def test_everything_has_a_name_of_its_own() -> None:
    assert not [named(path) for path in MODULES if path.stem.strip("_") in NAMELESS]


def test_the_library_does_not_print() -> None:
    assert {named(path) for path in MODULES if "print" in called(path)} <= SPEAKS


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_what_is_public_is_documented(path: Path) -> None:
    """Modules, and the public functions and classes at their top; contributions' parts follow
    the contract of their card, which documents them."""
    tree = parsed(path)
    bare = [] if ast.get_docstring(tree) else ["the module"]
    on_shelf = path in SHELVES
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        plain_part = on_shelf and isinstance(node, ast.FunctionDef)
        if public and not plain_part and not ast.get_docstring(node):
            bare.append(node.name)
    assert not bare


@pytest.mark.parametrize("path", SHELVES, ids=named)
def test_a_contribution_ends_with_its_card(path: Path) -> None:
    last = parsed(path).body[-1]
    assert isinstance(last, ast.Assign)
    assert [target.id for target in last.targets if isinstance(target, ast.Name)] == [
        CARDS[path.parent.name]  # type: ignore[index]
    ]


def test_strings_pick_code_in_one_place() -> None:
    """``import_module`` there only; nothing is evaluated anywhere."""
    importers = {named(path) for path in MODULES if "import_module" in called(path)}
    assert importers == PICKS_CODE
    assert not {named(path) for path in MODULES if {"eval", "exec", "__import__"} & called(path)}


def test_no_module_is_asked_for_an_attribute_by_a_computed_name() -> None:
    """A word of a study never becomes the name of a function: only the catalogue looks up."""
    found = {named(path) for path in MODULES for module in asked(path) if module in imported(path)}
    assert found <= LISTS_ITS_FILTERS


def test_chance_is_handed_in() -> None:
    ambient = {named(path) for path in MODULES if AMBIENT.search(path.read_text(encoding="utf8"))}
    assert ambient <= SEEDS_GLOBALLY
    stack = (PACKAGE / "training/stack.py").read_text(encoding="utf8")
    assert stack.index("fork_rng") < stack.index("manual_seed")


def test_legacy_streams_are_for_published_data_only() -> None:
    users = {named(path) for path in MODULES if re.search(r"RandomState\(", path.read_text())}
    assert users == LEGACY_DRAWS


def test_nobody_inherits_for_variation() -> None:
    """A class of ours is abstract or final, and none is the base of another.

    But for hyperparameters: a dataclass of fields alone, which other such dataclasses extend.
    """
    classes = [
        node
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
    ]
    ours = {node.name for node in classes}
    bases = {base.id for node in classes for base in node.bases if isinstance(base, ast.Name)}
    extending = {
        node.name
        for node in classes
        if any(isinstance(base, ast.Name) and base.id in ours for base in node.bases)
    }
    assert bases & ours == {
        *("ScviHyperparameters", "SparseHyperparameters", "CountVAEConfig", "DispersedConfig"),
        "HeldOutShares",
    }
    assert extending | (bases & ours) <= {node.name for node in classes if of_fields_alone(node)}


def of_fields_alone(node: ast.ClassDef) -> bool:
    """Whether a class has only annotated fields and strings, and perhaps a check of its values."""
    plain = (ast.AnnAssign, ast.Expr)
    return all(isinstance(one, plain) or is_check(one) for one in node.body)


def is_check(node: ast.stmt) -> bool:
    """Whether this is a ``__post_init__``, which can only raise in a frozen dataclass."""
    return isinstance(node, ast.FunctionDef) and node.name == "__post_init__"


@pytest.mark.parametrize(
    "module",
    [
        *("bench.jobs.main_process", "bench.planning.job_params", "bench.planning.plan_cache"),
        *("bench.planning.yaml_file", "bench.jobs.fetch", "bench.jobs.request"),
    ],
)
def test_the_workflow_starts_light(module: str) -> None:
    """What every parse of the Snakefile imports; a cached plan is read without any of this."""
    heavy = "{'torch', 'pandas', 'anndata', 'scanpy', 'altair', 'sklearn', 'pydantic'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == ""


@pytest.mark.slow
def test_layers_point_down() -> None:
    """The import contracts of pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
