"""Faults put in on purpose: what is old, damaged or cut off is never taken for what was asked."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from workspace import SNAKEMAKE, Workspace, jobs_in, trained

pytestmark = pytest.mark.slow

TASK = """
from dataclasses import replace
from pathlib import Path

from bench.tasks.held_out_cells import TASK as PLAIN


def make_problem(data, config, split, rng):
    if Path("fails").exists():
        raise RuntimeError("not today")
    return PLAIN.make_problem(data, config, split, rng)


TASK = replace(PLAIN, label="Mine", make_problem=make_problem)
"""


def one_run(study: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One variant on the simulated dataset."""
    small = {"nbvae": {"variant": "nbvae", "n_latent": 2, "n_hidden": 4}}
    return study | {"datasets": study["datasets"][:1], "runs": small, "baselines": []} | changes


def fresh_scores(workspace: Workspace) -> bytes:
    """What the same study comes to in an empty folder."""
    results = workspace.folder / "results"
    shutil.move(results, workspace.folder / "before")
    workspace.run()
    scores = (workspace.study / "scores.csv").read_bytes()
    shutil.rmtree(results)
    shutil.move(workspace.folder / "before", results)
    return scores


@pytest.mark.nightly
def test_a_job_that_failed_once_is_not_forgotten(
    workspace: Workspace, study: dict[str, Any]
) -> None:
    """Old scores are never reported under a new plan, whatever failed in between (R1)."""
    (workspace.folder / "mytask.py").write_text(TASK)
    workspace.write(one_run(study, tasks=[{"t": {"task": "mytask.py", "test": 0.2}}]))
    workspace.run()
    old = (workspace.study / "scores.csv").read_bytes()
    workspace.write(one_run(study, tasks=[{"t": {"task": "mytask.py", "test": 0.4}}]))
    (workspace.folder / "fails").touch()
    failed = workspace.type()
    assert failed.code == 1
    assert "failed (make_problem): t on tiny: RuntimeError: not today" in failed.text
    assert set(workspace.runs()["status"]) == {"failed"}
    assert workspace.scores().empty
    (workspace.folder / "fails").unlink()
    workspace.run()
    scores = (workspace.study / "scores.csv").read_bytes()
    assert scores == fresh_scores(workspace) != old
    # Without what Snakemake remembers, as after a copy: the study as it was, again.
    shutil.rmtree(workspace.folder / ".snakemake")
    workspace.write(one_run(study, tasks=[{"t": {"task": "mytask.py", "test": 0.2}}]))
    workspace.run()
    assert (workspace.study / "scores.csv").read_bytes() == old


@pytest.mark.nightly
def test_an_older_file_in_the_place_of_a_newer_one_is_noticed(
    workspace: Workspace, study: dict[str, Any], write_counts: Any
) -> None:
    """Also another release behind a link; its digest is on record (R1)."""
    study |= {"datasets": study["datasets"][1:], "runs": {}}
    first, second = workspace.folder / "first.h5ad", workspace.folder / "second.h5ad"
    write_counts(first)
    write_counts(second, np.random.default_rng(1).poisson(2.0, (40, 10)).astype(np.float32))
    os.utime(first, (1e9, 1e9))
    os.utime(second, (1e9, 1e9))
    link = workspace.folder / "mine.h5ad"
    link.symlink_to(first)
    workspace.write(study)
    workspace.run()
    before, said = workspace.scores(), workspace.record("provenance.json")["data"]["mine"]
    link.unlink()
    link.symlink_to(second)
    workspace.run()
    assert not workspace.scores().equals(before)
    now = workspace.record("provenance.json")["data"]["mine"]
    assert now["sources"] != said["sources"]
    # Copied over with its old time, the first one is the first one again.
    link.unlink()
    shutil.copy2(first, link)
    workspace.run()
    assert workspace.scores().equals(before)
    assert list(workspace.record("provenance.json")["data"]["mine"]["sources"].values()) == list(
        said["sources"].values()
    )


def files_of(study: Path) -> Iterator[Path]:
    """One result file of every kind."""
    for pattern in (
        *("data/tiny.h5ad", "data/tiny.json", "problems/tiny/*/1.npz", "problems/tiny/*/1.json"),
        *("runs/tiny/*/1/nbvae/*.json", "runs/tiny/*/1/nbvae/seed-0/*", "scores.csv"),
        *("baselines/tiny/*/1/mean/*.json", "baselines/tiny/*/1/mean/seed-0/*", "runs.csv"),
        *("scores.parquet", "unscored.csv", "plan.csv", "metrics.csv", "provenance.json"),
        *("report.html", "records/*.json"),
    ):
        found = sorted(study.glob(pattern))
        assert found, pattern
        yield from found


def test_damaged_files_are_made_again_and_never_used(finished: Workspace) -> None:
    """Cut short, emptied or with one bit flipped, all kinds of files at once (R3, R9)."""
    before = (finished.study / "scores.csv").read_bytes()
    files = list(files_of(finished.study))
    kept = {path: path.read_bytes() for path in files}
    for number, path in enumerate(files):
        content = bytearray(kept[path])
        place = len(content) // 2
        content[place] ^= 1 << (number % 8)
        path.write_bytes(bytes(content) if number % 3 else content[: number % 2 * place])
    assert "Will be made again" in finished.run(f"{SNAKEMAKE} -n")
    said = finished.run()
    assert "Made again: " in said
    assert (finished.study / "scores.csv").read_bytes() == before
    assert set(finished.runs()["status"]) == {"ok"}
    exact = {".npz", ".safetensors", ".h5ad", ".csv"}
    again = {p: p.read_bytes() for p in files if p.suffix in exact and p.name != "runs.csv"}
    assert again == {path: kept[path] for path in again}
    assert "Nothing to be done" in finished.run()


@pytest.mark.nightly
def test_more_seeds_train_the_new_ones_only(workspace: Workspace, study: dict[str, Any]) -> None:
    """The files of the others stay what they were; fewer seeds train none."""
    study |= {"datasets": study["datasets"][:1]}
    study["runs"] = {"nbvae": study["runs"]["nbvae"]}
    workspace.write(study)
    workspace.run()
    two = workspace.scores()
    states = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in workspace.study.rglob("seed-*/*")}
    assert len([path for path in states if path.name == "weights.safetensors"]) == 2
    workspace.write(study | {"seeds": 3})
    said = jobs_in(workspace.run())
    assert "Fitting mean on tiny, held_out_cells" not in said
    three = workspace.scores()
    assert set(three["seed"]) == {0, 1, 2}
    assert three[three["seed"] < 2].reset_index(drop=True).equals(two)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in states} == states
    record = workspace.record("runs/tiny/held_out_cells/1/nbvae/status.json")
    assert [record["seeds"][seed]["costs"]["stack"] for seed in "012"] == [[0, 1], [0, 1], [2]]
    workspace.write(study)
    workspace.run()
    assert workspace.scores().equals(two)
    assert len(list(workspace.study.rglob("weights.safetensors"))) == 3


@pytest.fixture
def small_disk(workspace: Workspace) -> Iterator[Path]:
    """Results on a disk that is soon full."""
    results = workspace.folder / "results"
    results.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=240k", "none", str(results)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    yield results
    subprocess.run(["umount", "-l", str(results)], check=True)


@pytest.mark.nightly
def test_with_space_made_on_a_full_disk_the_same_command_goes_on(
    workspace: Workspace, study: dict[str, Any], small_disk: Path
) -> None:
    """What a full disk did to a training is not the model's fault (R4)."""
    study = one_run(study)
    study["runs"]["nbvae"]["n_hidden"] = 256
    workspace.write(study)
    full = workspace.type()
    assert full.code != 0
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    assert trained(workspace.run()) == {"nbvae"}
    assert set(workspace.runs()["status"]) == {"ok"}
