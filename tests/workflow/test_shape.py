"""The workflow's own shape: adapters of one call, rules with logs, tidy files."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from workspace import REPOSITORY, Workspace

from bench.catalogue import ROOT

SCRIPTS = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
RULES = sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))
SNAKEFILES = [REPOSITORY / "Snakefile", *RULES]


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_asks_for_the_job_of_its_rule(path: Path) -> None:
    imported, called = ast.parse(path.read_text()).body
    assert ast.unparse(imported) == "from bench.jobs.request import request"
    assert isinstance(called, ast.Expr)
    assert isinstance(called.value, ast.Call)
    assert ast.unparse(called.value.func) == "request"
    assert [ast.unparse(one) for one in called.value.args] == ["snakemake.rule"]
    job = ast.parse((ROOT / "jobs" / f"{path.stem}.py").read_text())
    [function] = [n for n in job.body if isinstance(n, ast.FunctionDef) and n.name == path.stem]
    named = {keyword.arg for keyword in called.value.keywords}
    assert named == {one.arg for one in function.args.args} | {"log"}


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


def test_a_rule_is_given_what_lies_upstream() -> None:
    """By a parameter that follows the plan; ``tests/planning/test_job_params.py`` says which."""
    without = {name for name, text in ALL_RULES.items() if "=JOBS." not in text}
    assert without == {"check_failures"}


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
def test_snakemake_has_nothing_to_find_fault_with(finished: Workspace) -> None:
    finished.run("snakemake --lint")
