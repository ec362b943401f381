"""A section and a table of single runs are added by their own files; no other file changes."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADDED = re.compile(r"^`(bench/(?:reports|page_files)/[\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)

SHOW = """
import sys
from pathlib import Path
from bench.reports._page import compose
from bench.results.tables import read
print(compose(read(Path(sys.argv[1]))))
"""
PLAN = """
from bench.planning.plan import make_plan
from bench.planning.study import from_config
config = {"datasets": [{"gamma_poisson": {"n_cells": 40}}], "tasks": ["held_out_cells"]}
runs = {"nbvae": {"variant": "nbvae"}}
plan = make_plan(from_config(config | {"runs": runs, "baselines": ["mean"]}, "mine"))
print({run["run"]: run["page_files"] for run in plan.runs}, plan.page_files)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package with the section and the table of CONTRIBUTING.md added."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "bench", root / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    added = dict(ADDED.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")))
    assert {Path(name).suffix for name in added} == {".py", ".html"}
    assert len(added) == 3
    for name, source in added.items():
        assert not (root / name).exists()
        (root / name).write_text(source, encoding="utf8")
    return root


def output(root: Path, code: str, *arguments: str) -> str:
    """What a program prints that imports the package at ``root``."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        encoding="utf8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def own(page: str) -> str:
    """The page without its program."""
    return re.sub(r'<script type="module">.*?</script>', "", page, flags=re.S)


def test_a_section_is_on_the_page_when_its_two_files_are_there(
    checkout: Path, study_folder: Callable[..., Path]
) -> None:
    folder = str(study_folder())
    with_it, without = (own(output(root, SHOW, folder)) for root in (checkout, ROOT))
    assert '<a href="#memory">Memory</a>' in with_it
    [section] = re.findall(r'<section id="memory".*?</section>', with_it, re.S)
    # The made-up study says 300 MB of every replicate of every run that has one.
    cell = r'<th scope="row" class="name">nbvae.n_latent-3</th><td class="n">300</td>'
    assert re.search(cell, section)
    keys = re.findall(r'<section id="(\w+)"', with_it)
    assert keys.index("costs") + 1 == keys.index("memory") == keys.index("failures") - 1
    # Nothing else on the page is different.
    entry = re.search(r'    <li><a href="#memory">.*?</li>\n', with_it, re.S)
    assert entry
    assert with_it.replace(section + "\n", "").replace(entry[0], "") == without


@pytest.mark.slow
def test_a_table_is_made_of_every_run_that_gives_what_it_needs(checkout: Path) -> None:
    shown = output(checkout, PLAN)
    assert shown.strip() == "{'nbvae': ['latent_spread.csv'], 'mean': []} {'latent_spread.csv': []}"
