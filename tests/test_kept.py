"""Truths about the kept plan: found again, made anew when a source changed, cheap to parse."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import kept
from bench.core.errors import UserError
from bench.planning.plan_cache import kept_plan, key_of
from bench.planning.plan import make_plan
from bench.planning.study import from_config


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "seeds": 2,
        "datasets": ["gamma_poisson", "pbmc68k_reduced"],
        "tasks": ["held_out_cells", "masked_entries"],
        "runs": {"nbvae": {"variant": "nbvae", "n_latent": [3, 10]}},
    } | changes


def test_a_plan_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_plan(plain(), "mine", tmp_path)
    monkeypatch.setattr(kept, "_planned", None)
    assert kept_plan(plain(), "mine", tmp_path) == first
    assert first == make_plan(from_config(plain(), "mine"))


def test_a_study_with_mistakes_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        kept_plan(plain(seeds=0), "mine", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_key_follows_the_study_and_the_users_files(tmp_path: Path) -> None:
    path = tmp_path / "my_vae.py"
    path.write_text("VARIANT = 1\n")
    config = plain(runs={"mine": [{"variant": str(path)}]})
    first = key_of(config, "mine")
    assert key_of(config, "mine") == first
    path.write_text("VARIANT = 2\n")
    second = key_of(config, "mine")
    assert len({first, second, key_of(config, "yours"), key_of(plain(), "mine")}) == 4


def test_the_key_follows_every_source_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks").mkdir()
    monkeypatch.setattr(kept, "PACKAGE", tmp_path)
    before = key_of(plain(), "mine")
    (tmp_path / "tasks" / "new.py").write_text("TASK = 1\n")
    assert key_of(plain(), "mine") != before


def test_only_the_newest_plans_stay(tmp_path: Path) -> None:
    for n in range(kept.NEWEST + 3):
        (tmp_path / f"old{n}.json").write_text("{}")
    kept_plan(plain(), "mine", tmp_path)
    left = list(tmp_path.glob("*.json"))
    assert len(left) == kept.NEWEST
    assert tmp_path / f"{key_of(plain(), 'mine')}.json" in left


PARSE = """
import sys, time
from pathlib import Path
begin = time.process_time()
from bench.planning.plan_cache import kept_plan
plan = kept_plan(eval(sys.argv[1]), "mine", Path(sys.argv[2]))
seconds = time.process_time() - begin
heavy = {"torch", "pydantic", "pandas", "anndata", "numpy", "scipy"} & set(sys.modules)
assert not heavy, heavy
print(len(plan.runs), seconds)
"""


def test_a_kept_plan_of_a_thousand_runs_costs_nothing_to_parse(tmp_path: Path) -> None:
    sweep = {"n_latent": list(range(1, 51)), "learning_rate": [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]}
    config = plain(runs={"nbvae": {"variant": "nbvae", **sweep}})
    begin = time.perf_counter()
    kept_plan(config, "mine", tmp_path)
    # About one second on one core; ten leave room for a busy machine.
    assert time.perf_counter() - begin < 10
    command = [sys.executable, "-c", PARSE, repr(config), str(tmp_path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    n_runs, seconds = outcome.stdout.split()
    assert int(n_runs) == 1000
    assert float(seconds) < 0.3
