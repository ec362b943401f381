"""Truths about digests: they change with what a job depends on and with nothing else."""

import sys
from pathlib import Path

import pytest

from bench.planning.fingerprint import PACKAGE, code_of, digest

JOBS = {
    "train.py": """
from pack.core.files import write

def train(run):
    from pack.catalogue import card
    return card(run)

def train_here(run):
    from pack.training import loop
    return loop
""",
    "score.py": """
from pack.core.files import write
from pack.core.shapes import shape

def score(run):
    return write(shape(run))
""",
}

SOURCES = {
    "__init__.py": "__version__ = '1'\n",
    "jobs/__init__.py": "",
    **{f"jobs/{name}": text for name, text in JOBS.items()},
    "catalogue.py": "from importlib import import_module\n",
    "core/__init__.py": "",
    "core/files.py": "def write(text): ...\n",
    "core/shapes.py": "def shape(run): ...\n",
    "training/__init__.py": "",
    "training/loop.py": "from . import stack\n",
    "training/stack.py": "import pack.parts.nets as nets\n",
    "training/unused.py": "",
    "parts/__init__.py": "",
    "parts/nets.py": "raise RuntimeError('never imported')\n",
    "parts/flows.py": "",
    "models/__init__.py": "",
    "models/vae.py": "def build():\n    from pack.parts.flows import flow\n",
    "models/other.py": "",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pack"


def training(package: Path) -> str:
    return code_of("train", package / "models" / "vae.py", package=package)


@pytest.mark.parametrize(
    "name",
    [
        "jobs/train.py",
        "catalogue.py",
        "core/files.py",
        "training/__init__.py",
        "training/loop.py",
        "training/stack.py",
        "parts/nets.py",
        "parts/flows.py",
        "models/vae.py",
    ],
)
def test_what_a_job_imports_near_or_far_counts(package: Path, name: str) -> None:
    before = training(package)
    path = package / name
    path.write_text(path.read_text() + "# edited\n")
    assert training(package) != before


@pytest.mark.parametrize(
    "name",
    ["__init__.py", "core/shapes.py", "jobs/score.py", "training/unused.py", "models/other.py"],
)
def test_what_a_job_never_imports_does_not_count(package: Path, name: str) -> None:
    before = training(package)
    path = package / name
    path.write_text(path.read_text() + "# edited\n")
    assert training(package) == before


def test_an_import_at_the_top_counts_for_the_rules_that_use_it(package: Path) -> None:
    before = code_of("score", package=package)
    (package / "core" / "files.py").write_text("def write(text): print(text)\n")
    assert code_of("score", package=package) != before


def test_a_users_file_counts_with_what_it_imports(package: Path, tmp_path: Path) -> None:
    own = tmp_path / "my_vae.py"
    own.write_text("from pack.parts.nets import mlp\nfrom .sibling import x\n")
    before = digest(own, package=package)
    (package / "parts" / "nets.py").write_text("")
    after = digest(own, package=package)
    own.write_text("from pack.parts.nets import mlp\n")
    assert len({before, after, digest(own, package=package)}) == 3


def test_a_digest_knows_content_not_places(package: Path, tmp_path: Path) -> None:
    before = training(package)
    moved = package.rename(tmp_path / "elsewhere").rename(tmp_path / "deeper")
    moved = moved.rename(tmp_path / "again")
    (tmp_path / "new").mkdir()
    assert training(moved.rename(tmp_path / "new" / "pack")) == before


def test_nothing_is_imported(package: Path) -> None:
    training(package)
    assert not [name for name in sys.modules if name.split(".")[0] == "pack"]


def test_a_rule_without_a_function_is_an_error(package: Path) -> None:
    with pytest.raises(KeyError, match="fly"):
        code_of("fly", package=package)


def test_every_rule_has_a_digest_of_its_own() -> None:
    rules = [path.stem for path in (PACKAGE.parent / "workflow/scripts").glob("*.py")]
    assert len({code_of(rule) for rule in rules}) == len(rules) > 10


@pytest.mark.parametrize("name", ["layers.py", "nets/__init__.py", "nets/wide.py"])
def test_what_a_users_file_imports_from_its_own_folder_counts(
    package: Path, tmp_path: Path, name: str
) -> None:
    mine = tmp_path / "mine"
    for path, text in {
        "vae.py": "import layers\ndef build():\n    from nets.wide import Wide\n",
        "layers.py": "import numpy\n",
        "nets/__init__.py": "",
        "nets/wide.py": "",
        "notes.py": "",
    }.items():
        (mine / path).parent.mkdir(parents=True, exist_ok=True)
        (mine / path).write_text(text)
    before = code_of("train", mine / "vae.py", package=package)
    (mine / "notes.py").write_text("# not imported")
    assert code_of("train", mine / "vae.py", package=package) == before
    (mine / name).write_text("# edited")
    assert code_of("train", mine / "vae.py", package=package) != before


def test_two_files_that_change_places_count(package: Path, tmp_path: Path) -> None:
    """Each of a user's metrics goes by the name of its file: so do their scores."""
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("VALUE = 1\n")
    two.write_text("VALUE = 2\n")
    before = code_of("score", one, two, package=package)
    assert code_of("score", two, one, package=package) != before
    one.write_text("VALUE = 2\n")
    two.write_text("VALUE = 1\n")
    assert code_of("score", one, two, package=package) != before
