"""Shape of the code: what is installed is said once, and the same wherever it is said again."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import bench

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
CONDA = {"pytorch": "torch", "snakemake-minimal": "snakemake"}
"""What conda's channels call otherwise."""

HOSTS = {
    "127.0.0.1",
    "arxiv.org",
    "cf.10xgenomics.com",
    "conda-forge.org",
    "doi.org",
    "github.com",
    "json-schema.org",
    "keepachangelog.com",
    "localhost",
    "ndownloader.figshare.com",
    "plus.figshare.com",
    "pytorch.org",
    "raw.githubusercontent.com",
    "semver.org",
    "snakemake.github.io",
    "snakemake.readthedocs.io",
    "www.w3.org",
}
"""Who may be named in a tracked file: papers, data, standards and manuals; no package registry."""

UNPACKAGED = {"sams_vae"}
"""What a benchmark compares with and no registry has: its user brings a checkout."""

PERSONAL = re.compile(r"(?<![\w.*}-])/(?:work|root|home|Users)/\w|\bfile:/{2}", re.ASCII)
"""Paths that exist on one machine only."""

INSTALLER = re.compile(r"(?:extra-)?index[-_]url|find[-_]links|trusted[-_]host", re.IGNORECASE)
"""Settings that tie an installation to somebody's registry."""


def requirements(*texts: str) -> dict[str, Requirement]:
    return {canonicalize_name(req.name): req for req in map(Requirement, texts)}


def spelled_out(extra: str) -> list[str]:
    """What an extra asks for, other extras of this package that it names included."""
    found: list[str] = []
    for text in PROJECT["optional-dependencies"][extra]:
        req = Requirement(text)
        own = req.name == PROJECT["name"]
        found += [t for name in req.extras for t in spelled_out(name)] if own else [text]
    return found


DEPENDENCIES = requirements(*PROJECT["dependencies"])
EXTRAS = {name: requirements(*spelled_out(name)) for name in PROJECT["optional-dependencies"]}


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def texts() -> dict[str, str]:
    """The tracked files that hold text, by name; this one defines what is looked for."""
    found = {}
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content and path != Path(__file__).resolve():
            found[path.relative_to(ROOT).as_posix()] = content.decode("utf8")
    return found


def test_conda_users_get_the_same_names_and_bounds() -> None:
    said = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))["dependencies"]
    lines = [line for line in said if isinstance(line, str)]
    conda = {name: spec for name, _, spec in (line.partition(" ") for line in lines)}
    assert Requirement(f"python{conda.pop('python')}").specifier == (
        Requirement(f"python{PROJECT['requires-python']}").specifier
    )
    conda.pop("pip")
    theirs = {CONDA.get(name, name): spec for name, spec in conda.items()}
    ours = {name: str(req.specifier) for name, req in DEPENDENCIES.items()}
    assert {name: str(Requirement(f"x{spec}").specifier) for name, spec in theirs.items()} == ours


def test_with_pip_conda_users_install_only_this_package() -> None:
    said = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))["dependencies"]
    assert [line["pip"] for line in said if isinstance(line, dict)] == [["-e ."]]


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_constraints_satisfy_every_bound(extra: str) -> None:
    for name, requirement in (EXTRAS[extra] if extra else DEPENDENCIES).items():
        assert name in pins(), f"{name} is not in constraints.txt"
        assert requirement.specifier.contains(pins()[name]), f"{requirement} and {pins()[name]}"


def test_constraints_install_anywhere() -> None:
    """Exact public versions: no address, no path, no local build."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in wanted)
    assert wanted == sorted(wanted, key=str.lower)


def test_every_bound_has_a_floor_and_torch_a_ceiling() -> None:
    for group in (DEPENDENCIES, *EXTRAS.values()):
        for requirement in group.values():
            assert any(bound.operator == ">=" for bound in requirement.specifier), requirement
    assert not DEPENDENCIES["torch"].specifier.contains("2.14.0")


def test_extras_are_those_the_documents_promise() -> None:
    assert {"test", "slurm", "trackers"} <= set(EXTRAS)
    assert {"pytest", "ruff", "mypy", "snakefmt", "import-linter"} <= set(EXTRAS["test"])
    assert {"wandb", "mlflow-skinny"} <= set(EXTRAS["trackers"]) <= set(EXTRAS["test"])


def imports_of(folder: str) -> set[str]:
    """Top-level packages imported anywhere under a folder, near or at the top of a file."""
    files, found = list((ROOT / folder).rglob("*.py")), set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    # The package imports itself by its full name; a file such as trackers/wandb.py hides nothing.
    stems = {path.stem for path in files} if folder != "bench" else set()
    ours = {"bench", "benchmarks", folder, *stems, *UNPACKAGED}
    # What an extra brings is not there without it: its import is its name.
    found = {"scvi-tools" if name == "scvi" else name for name in found}
    return found - set(sys.stdlib_module_names) - ours


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("bench", {**DEPENDENCIES, **EXTRAS["trackers"]}),
        ("benchmarks", {**DEPENDENCIES, **EXTRAS["peers"]}),
        ("tests", {**DEPENDENCIES, **EXTRAS["test"], **EXTRAS["peers"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_imported_is_declared(folder: str, declared: dict[str, Requirement]) -> None:
    installed = packages_distributions()
    for name in sorted(imports_of(folder)):
        providers = {canonicalize_name(one) for one in installed.get(name, [name])}
        assert providers & set(declared), f"{folder} imports {name}, which pyproject does not name"


def test_no_file_names_a_registry_or_a_machine() -> None:
    for name, text in texts().items():
        assert not PERSONAL.search(text), f"{name}: {PERSONAL.search(text)}"
        assert not INSTALLER.search(text), f"{name}: {INSTALLER.search(text)}"
        hosts = {urlsplit(url).hostname for url in re.findall(r"https?://[^\s\"'<>)`,{]+", text)}
        assert hosts - {None} <= HOSTS, f"{name} names {hosts - HOSTS}"


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["version"] == bench.__version__
    assert f"## {bench.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")


def test_one_licence_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["license"] == PROJECT["license"] == "BSD-3-Clause"
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text(encoding="utf8")
