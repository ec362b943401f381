"""The workflow's own shape: adapters of one call, rules with logs, tidy files."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk import REPOSITORY, Desk

from bench import jobs

SCRIPTS = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
RULES = sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))
SNAKEFILES = [REPOSITORY / "Snakefile", *RULES]


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_imports_one_job_and_calls_it(path: Path) -> None:
    imported, called = ast.parse(path.read_text()).body
    assert isinstance(imported, ast.ImportFrom)
    assert (imported.module, [alias.name for alias in imported.names]) == (
        "bench.jobs",
        [path.stem],
    )
    assert isinstance(called, ast.Expr)
    assert isinstance(called.value, ast.Call)
    assert isinstance(called.value.func, ast.Name)
    assert called.value.func.id == path.stem
    assert {keyword.arg for keyword in called.value.keywords} >= {"log"}
    assert callable(getattr(jobs, path.stem))


def rules_in(path: Path) -> dict[str, str]:
    """The text of each rule by its name."""
    parts = re.split(r"^(?:rule|checkpoint) (\w+):\n", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


ALL_RULES = {name: text for path in RULES for name, text in rules_in(path).items()}


@pytest.mark.parametrize("name", ALL_RULES)
def test_a_rule_has_a_log_a_message_and_its_own_script(name: str) -> None:
    keys = re.findall(r"^    (\w+):", ALL_RULES[name], flags=re.MULTILINE)
    assert {"output", "log", "message", "script"} <= set(keys)
    assert f'"../scripts/{name}.py"' in ALL_RULES[name]


@pytest.mark.parametrize("name", sorted(set(ALL_RULES) - {"judge"}))
def test_a_rule_follows_the_source_it_depends_on(name: str) -> None:
    assert re.search(r"^        code=", ALL_RULES[name], flags=re.MULTILINE)


def test_every_script_belongs_to_a_rule() -> None:
    assert {path.stem for path in SCRIPTS} == set(ALL_RULES)


def test_the_snakefile_is_a_table_of_contents() -> None:
    text = (REPOSITORY / "Snakefile").read_text()
    assert len(re.findall(r"^(?:check)?rule ", text, flags=re.MULTILINE)) == 1
    assert not re.findall(r"^(?:def|import|from|for|if) ", text, flags=re.MULTILINE)


def test_snakefmt_would_change_nothing() -> None:
    files = [str(path) for path in SNAKEFILES]
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt.snakefmt", "--check", *files],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_snakemake_has_nothing_to_find_fault_with(new_desk: Desk) -> None:
    done = new_desk.snakemake("--lint", study="")
    assert done.returncode == 0, done.stdout
