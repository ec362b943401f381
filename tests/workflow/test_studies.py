"""How a study reaches Snakemake: which one is chosen, how large it may be, what a mistake says."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from workspace import Said, Workspace

pytestmark = pytest.mark.slow

SMALL = {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}


def plain(**changes: Any) -> dict[str, Any]:
    """A study of one cheap baseline."""
    return {
        "seeds": 1,
        "datasets": [{"tiny": SMALL}],
        "tasks": ["held_out_cells"],
        "baselines": ["mean"],
    } | changes


def typed(name: str) -> str:
    """The README's command for a study of another name."""
    return f"snakemake --cores 8 --configfile configs/{name}.yaml"


def test_a_study_is_not_merged_with_the_default_one(finished: Workspace) -> None:
    finished.write(plain(), "plain")
    assert finished.planned(typed("plain")) == {
        "Preparing tiny",
        "Posing held_out_cells on tiny, split 1",
        "Fitting mean on tiny, held_out_cells",
        "Scoring mean on tiny, held_out_cells",
        "Gathering all scores",
        "Writing the report: results/plain/report.html",
    }


def test_later_files_and_the_command_line_replace_whole_keys(finished: Workspace) -> None:
    finished.write(plain(baselines=["mean", "pca"], splits=2), "first")
    finished.write({"baselines": ["rank_one"]}, "second")
    planned = finished.planned(f"{typed('first')} configs/second.yaml --config splits=1")
    assert "Fitting rank_one on tiny, held_out_cells" in planned
    assert not {text for text in planned if "mean" in text or "split 2" in text}
    assert "Writing the report: results/second/report.html" in planned


def test_lists_and_truths_on_the_command_line_are_read_as_in_a_file(finished: Workspace) -> None:
    finished.write(plain(), "plain")
    planned = finished.planned(f"{typed('plain')} --config strict=true 'seeds=[3, 4]'")
    assert "Checking whether every run went well" in planned


def test_a_thousand_runs_are_planned_in_seconds(finished: Workspace) -> None:
    sweep = {"n_latent": list(range(1, 26)), "learning_rate": [n / 1000 for n in range(1, 21)]}
    runs = {"nbvae": {"variant": "nbvae", **sweep}}
    finished.write(plain(runs=runs, tasks=["held_out_cells", "masked_entries"]), "big")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    planned = finished.planned(typed("big"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert sum(text.startswith("Training") for text in planned) == 1000
    # About eight seconds in all, planning included, and on one core.  A core that is shared counts
    # up to twice as many: the limit tells what grows with the square of the runs, no more.
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert seconds < 60


PARSE = """
import sys, time
begin = time.process_time()
from pathlib import Path
from bench.planning.job_params import JobParams
from bench.planning.plan_cache import cached_plan
from bench.planning.yaml_file import merged
config = merged([Path("configs/big.yaml")], {})
jobs = JobParams(cached_plan(config, "big", Path(".snakemake/scvaebench")).plan)
seconds = time.process_time() - begin
heavy = {"torch", "pydantic", "pandas", "anndata", "scanpy", "numpy"} & set(sys.modules)
assert not heavy, heavy
print(len(jobs.runs), seconds)
"""


def test_parsing_with_a_cached_plan_adds_little(finished: Workspace) -> None:
    sweep = {"n_latent": list(range(1, 51)), "learning_rate": [n / 1000 for n in range(1, 21)]}
    finished.write(plain(runs={"nbvae": {"variant": "nbvae", **sweep}}), "big")
    # Any target will do: the Snakefile is parsed and the plan is cached all the same.
    finished.run(f"{typed('big')} -n results/big/data/tiny.h5ad")
    done = subprocess.run(
        [sys.executable, "-c", PARSE], cwd=finished.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    n_runs, seconds = done.stdout.split()
    assert int(n_runs) == 1001
    # About 0.1 s.
    assert float(seconds) < 0.5


def refused(workspace: Workspace, study: dict[str, Any], name: str) -> Said:
    """What Snakemake says to a study it must refuse."""
    workspace.write(study, name)
    done = workspace.type(typed(name))
    assert done.code != 0
    assert not (workspace.folder / "results" / name / "scores.csv").exists()
    assert "Traceback" not in done.text
    return done


def test_all_mistakes_are_told_at_once(finished: Workspace) -> None:
    runs = {"nbvae": {"variant": "nbvea"}, "pvae": {"variant": "pvae", "n_latnet": 3}}
    said = refused(finished, plain(runs=runs, baselines=["nfm"]), "wrong").text
    assert "3 problems in the study wrong:" in said
    for words in ("did you mean nbvae?", "did you mean n_latent?", "did you mean nmf?"):
        assert words in said
    for words in ("common.smk", "WorkflowError"):
        assert words not in said


def test_a_study_that_is_not_there(finished: Workspace) -> None:
    done = finished.type(typed("nowhere"))
    assert done.code != 0
    assert "No such file or directory: 'configs/nowhere.yaml'" in done.text


def test_a_file_that_is_not_there(finished: Workspace) -> None:
    study = plain(datasets=[{"mine": {"dataset": "h5ad", "path": "nowhere.h5ad"}}])
    said = refused(finished, study, "absent").text
    assert "datasets.mine.path is 'nowhere.h5ad': no such file" in said


def test_what_is_not_counts_is_told_once(
    workspace: Workspace, write_counts: Callable[..., None]
) -> None:
    normal = np.random.default_rng(0).normal(size=(40, 10)).astype(np.float32)
    write_counts(workspace.folder / "normal.h5ad", normal)
    workspace.write(plain(datasets=[{"mine": {"dataset": "h5ad", "path": "normal.h5ad"}}]))
    done = workspace.type()
    assert done.code == 1
    assert "Traceback" not in done.text
    [line] = [line for line in done.text.splitlines() if "failed (prepare): mine" in line]
    for words in ("entries are negative, down to", "are fractions"):
        assert line.count(words) == 1


def test_results_that_cannot_be_written_are_told_in_one_line(
    finished: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "results").write_text("a file")
    said = finished.type(f"snakemake -s {finished.folder / 'Snakefile'} --cores 8", at=tmp_path)
    assert said.code != 0
    assert "results/default" in said.text
    assert "cannot be written" in said.text
    assert "Traceback" not in said.text


def test_what_does_not_fit_is_left_out_and_said(
    workspace: Workspace, write_counts: Callable[..., None]
) -> None:
    write_counts(workspace.folder / "mine.h5ad")
    path = {"dataset": "h5ad", "path": "mine.h5ad", "cell_type": "type"}
    workspace.write(
        plain(
            datasets=[{"without": path}, {"with": path | {"batch": "donor"}}],
            tasks=["held_out_cells", "integration"],
            baselines=["pca", {"mean": {"datasets": ["without"]}}, "batch_onehot"],
            metrics=["elbo", "knn_purity"],
        )
    )
    checked = workspace.run("python -m bench check configs/mine.yaml")
    reason = (
        "needs batch, which the dataset does not provide; if the data have this, set its key batch"
    )
    assert f"skipped: all runs on without as integration: {reason}" in checked
    workspace.run()
    scores = workspace.scores()
    found = set(scores[["dataset", "task", "run"]].itertuples(index=False, name=None))
    assert found == {
        ("with", "integration", "pca"),
        ("with", "integration", "batch_onehot"),
        ("with", "held_out_cells", "pca"),
        ("without", "held_out_cells", "pca"),
        ("without", "held_out_cells", "mean"),
    }
    skipped = workspace.record("provenance.json")["skipped"]
    place = {"run": "all runs", "dataset": "without", "task": "integration"}
    assert place | {"reason": reason} in skipped
    assert f'<td class="prose">{reason}</td>' in (workspace.study / "report.html").read_text()
