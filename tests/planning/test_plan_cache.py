"""Truths about the cached plan: found again, made anew when a source changed, cheap to parse."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.files import write_text
from bench.planning import plan_cache
from bench.planning.plan import make_plan
from bench.planning.plan_cache import cached_plan, current_plan, remember_current
from bench.planning.study import from_config
from bench.results.digests import Digests

VARIANT = """
from dataclasses import replace
from bench.models.pvae import VARIANT as PLAIN

VARIANT = replace(PLAIN, label="Mine")
"""


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "seeds": 2,
        "datasets": ["gamma_poisson", "pbmc68k_reduced"],
        "tasks": ["held_out_cells", "masked_entries"],
        "runs": {"nbvae": {"variant": "nbvae", "n_latent": [3, 10]}},
    } | changes


def key(config: dict[str, Any], name: str) -> str:
    with TemporaryDirectory() as folder:
        return plan_cache.cache_key(config, name, Digests(Path(folder) / "digests.json"))


def test_a_plan_is_cached_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_plan(plain(), "mine", tmp_path)
    monkeypatch.setattr(plan_cache, "_planned", None)
    assert cached_plan(plain(), "mine", tmp_path) == first
    assert first.plan == make_plan(from_config(plain(), "mine"))


def test_jobs_take_the_plan_of_their_snakemake(tmp_path: Path) -> None:
    mine = cached_plan(plain(), "mine", tmp_path)
    remember_current("mine", mine.file)
    # A dry run of an edited study plans it, and changes nothing for the jobs that run.
    cached_plan(plain(seeds=3), "mine", tmp_path)
    assert current_plan("mine", tmp_path) == mine


def test_a_study_with_mistakes_is_not_cached(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        cached_plan(plain(seeds=0), "mine", tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name != "digests.json"]


def test_the_key_follows_the_study_and_the_users_files(tmp_path: Path) -> None:
    path = tmp_path / "my_vae.py"
    path.write_text("VARIANT = 1\n")
    config = plain(runs={"mine": [{"variant": str(path)}]})
    first = key(config, "mine")
    assert key(config, "mine") == first
    path.write_text("VARIANT = 2\n")
    second = key(config, "mine")
    assert len({first, second, key(config, "yours"), key(plain(), "mine")}) == 4


def test_the_key_follows_every_source_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks").mkdir()
    monkeypatch.setattr(plan_cache, "PACKAGE", tmp_path)
    before = key(plain(), "mine")
    (tmp_path / "tasks" / "new.py").write_text("TASK = 1\n")
    assert key(plain(), "mine") != before


def test_only_the_newest_plans_stay(tmp_path: Path) -> None:
    for n in range(plan_cache.NEWEST + 3):
        (tmp_path / f"{n:032x}.json").write_text("{}")
    cached_plan(plain(), "mine", tmp_path)
    left = [path for path in tmp_path.glob("*.json") if path.name != "digests.json"]
    assert len(left) == plan_cache.NEWEST
    assert tmp_path / f"{key(plain(), 'mine')}.json" in left


def test_a_plan_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    made = cached_plan(plain(), "mine", tmp_path)
    made.file.write_bytes(made.file.read_bytes()[:100])
    assert cached_plan(plain(), "mine", tmp_path) == made


def test_the_plan_of_a_running_study_outlives_newer_ones(tmp_path: Path) -> None:
    running = cached_plan(plain(), "mine", tmp_path)
    remember_current("mine", running.file)
    os.utime(running.file, (0, 0))
    for n in range(plan_cache.NEWEST + 1):
        write_text(tmp_path / f"{n:032x}.json", "{}")
    cached_plan(plain(title="another"), "mine", tmp_path)
    assert current_plan("mine", tmp_path) == running


def test_an_edited_module_beside_a_users_file_makes_a_new_plan(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(f"import beside_own\n{VARIANT}")
    (tmp_path / "beside_own.py").write_text("RATE = 1\n")
    config = plain(runs={"own": {"variant": str(own)}})
    before = key(config, "mine")
    (tmp_path / "beside_own.py").write_text("RATE = 2\n")
    assert key(config, "mine") != before


def test_a_users_file_changes_no_environment(tmp_path: Path) -> None:
    """What it sets when the study is planned would reach every job, but only on the first call."""
    own, folder = tmp_path / "own.py", Path.cwd()
    text = "import os\nos.environ['OF_ONE_VARIANT'] = 'yes'\nos.chdir('/')\n"
    own.write_text(text + VARIANT)
    cached_plan(plain(runs={"own": {"variant": str(own)}}), "mine", tmp_path)
    assert "OF_ONE_VARIANT" not in os.environ
    assert Path.cwd() == folder


PARSE = """
import sys, time
from pathlib import Path
begin = time.process_time()
from bench.planning.plan_cache import cached_plan
plan = cached_plan(eval(sys.argv[1]), "mine", Path(sys.argv[2])).plan
seconds = time.process_time() - begin
heavy = {"torch", "pydantic", "pandas", "anndata", "numpy", "scipy"} & set(sys.modules)
assert not heavy, heavy
print(len(plan.runs), seconds)
"""


def test_a_cached_plan_of_a_thousand_runs_costs_nothing_to_parse(tmp_path: Path) -> None:
    sweep = {"n_latent": list(range(1, 51)), "learning_rate": [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]}
    config = plain(runs={"nbvae": {"variant": "nbvae", **sweep}})
    begin = time.process_time()
    cached_plan(config, "mine", tmp_path)
    # About one second of CPU; a core that is shared counts several times as many.
    assert time.process_time() - begin < 30
    command = [sys.executable, "-c", PARSE, repr(config), str(tmp_path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    n_runs, seconds = outcome.stdout.split()
    assert int(n_runs) == 1000
    assert float(seconds) < 0.3
