"""How a study reaches Snakemake: which one is chosen, how large it may be, what a mistake says."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk import REPOSITORY, Desk

pytestmark = pytest.mark.slow

CONFIGS = sorted(path.name for path in (REPOSITORY / "configs").glob("*.yaml"))
SMALL = {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}


def plain(**changes: Any) -> dict[str, Any]:
    """A study of one cheap baseline."""
    return {
        "seeds": 1,
        "datasets": [{"tiny": SMALL}],
        "tasks": ["held_out_cells"],
        "baselines": ["mean"],
    } | changes


@pytest.mark.parametrize("name", CONFIGS)
def test_every_study_of_the_repository_can_be_planned(new_desk: Desk, name: str) -> None:
    said = new_desk.run("", "--dry-run", "--configfile", str(new_desk.code / "configs" / name))
    assert f"results/{Path(name).stem}/report.html" in said


def test_without_a_study_the_default_one_is_taken(new_desk: Desk) -> None:
    planned = new_desk.planned("")
    assert "Writing the report: results/default/report.html" in planned
    # Were it merged with the default study, this one would have more than one run.
    new_desk.write(plain())
    assert new_desk.planned() == {
        "Preparing tiny",
        "Posing held_out_cells on tiny, split 1",
        "Fitting mean on tiny, held_out_cells",
        "Scoring mean on tiny, held_out_cells",
        "Gathering all scores",
        "Writing the report: results/tiny/report.html",
    }


def test_later_files_and_the_command_line_replace_whole_keys(new_desk: Desk) -> None:
    new_desk.write(plain(baselines=["mean", "pca"], splits=2), "first")
    new_desk.write({"baselines": ["rank_one"]}, "second")
    planned = new_desk.planned("first", "second.yaml", "--config", "splits=1")
    assert "Fitting rank_one on tiny, held_out_cells" in planned
    assert not {text for text in planned if "mean" in text or "split 2" in text}
    assert "Writing the report: results/second/report.html" in planned


def test_lists_and_truths_on_the_command_line_are_read_as_in_a_file(new_desk: Desk) -> None:
    new_desk.write(plain())
    said = new_desk.run("tiny", "--dry-run", "--config", "strict=true", "seeds=[3, 4]")
    assert "judge" in said


def test_a_thousand_runs_are_planned_in_seconds(new_desk: Desk) -> None:
    sweep = {"n_latent": list(range(1, 26)), "learning_rate": [n / 1000 for n in range(1, 21)]}
    runs = {"nbvae": {"variant": "nbvae", **sweep}}
    new_desk.write(plain(runs=runs, tasks=["held_out_cells", "masked_entries"]), "big")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    planned = new_desk.planned("big")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert sum(text.startswith("Training") for text in planned) == 1000
    # About eight seconds in all, planning included, and on one core.  A core that is shared counts
    # up to twice as many: the limit tells what grows with the square of the runs, no more.
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert seconds < 30


PARSE = """
import sys, time
begin = time.process_time()
sys.argv = ["snakemake"]
from pathlib import Path
from bench.planning.plan_cache import kept_plan, key_of
from bench.planning.yaml_file import merged
config = merged([Path("big.yaml")], {})
plan = kept_plan(config, "big", Path(".snakemake/scvaebench")).as_data()
runs = {(run["dataset"], run["task"], run["split"], run["run"]): run for run in plan["runs"]}
key_of(config, "big")
seconds = time.process_time() - begin
heavy = {"torch", "pydantic", "pandas", "anndata", "scanpy", "numpy"} & set(sys.modules)
assert not heavy, heavy
print(len(runs), seconds)
"""


def test_parsing_with_a_kept_plan_adds_little(new_desk: Desk) -> None:
    sweep = {"n_latent": list(range(1, 51)), "learning_rate": [n / 1000 for n in range(1, 21)]}
    new_desk.write(plain(runs={"nbvae": {"variant": "nbvae", **sweep}}), "big")
    # Any target will do: the Snakefile is parsed and the plan is kept all the same.
    new_desk.run("big", "--dry-run", "results/big/data/tiny.h5ad")
    command = [sys.executable, "-c", PARSE]
    done = subprocess.run(
        command, cwd=new_desk.folder, env=new_desk.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    n_runs, seconds = done.stdout.split()
    assert int(n_runs) == 1001
    # About 0.1 s.
    assert float(seconds) < 0.5


def refused(desk: Desk, study: str = "tiny") -> str:
    """What Snakemake says to a study it must refuse."""
    done = desk.snakemake(study=study)
    assert done.returncode != 0
    assert not (desk.folder / "results" / study / "report.html").exists()
    return done.stdout


def test_all_mistakes_are_told_at_once(new_desk: Desk) -> None:
    runs = {"nbvae": {"variant": "nbvea"}, "pvae": {"variant": "pvae", "n_latnet": 3}}
    new_desk.write(plain(runs=runs, baselines=["nfm"]))
    said = refused(new_desk)
    assert "3 things to mend in the study tiny:" in said
    for words in ("did you mean nbvae?", "did you mean n_latent?", "did you mean nmf?"):
        assert words in said
    for words in ("Traceback", "common.smk", "WorkflowError"):
        assert words not in said


def test_a_study_that_is_not_there(new_desk: Desk) -> None:
    assert "No such file or directory: 'nowhere.yaml'" in refused(new_desk, "nowhere")


def test_a_file_that_is_not_there(new_desk: Desk) -> None:
    new_desk.write(plain(datasets=[{"mine": {"dataset": "h5ad", "path": "nowhere.h5ad"}}]))
    said = refused(new_desk)
    assert "datasets.mine.path is 'nowhere.h5ad': no such file" in said
    assert "Traceback" not in said


def test_what_is_not_counts_is_told_once(new_desk: Desk, write_counts: Callable[..., None]) -> None:
    normal = np.random.default_rng(0).normal(size=(40, 10)).astype(np.float32)
    write_counts(new_desk.folder / "mine.h5ad", normal)
    new_desk.write(plain(datasets=[{"mine": {"dataset": "h5ad", "path": "mine.h5ad"}}]))
    said = refused(new_desk)
    assert said.count("entries are negative, down to") == 1
    assert said.count("are fractions") == 1
    assert "Traceback" not in said
