"""What the README types, to the letter: in a clone, from elsewhere, cut off and typed again."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from workspace import REPOSITORY, SNAKEMAKE, Workspace, children_of, of_the_clone, trained, wait_for

pytestmark = pytest.mark.slow

SLOW = """
import time
from dataclasses import replace
from pathlib import Path

from bench.models.pvae import PVAE, VARIANT as PLAIN


class Slow(PVAE):
    def forward(self, cells, noise):
        Path("training").touch()
        while Path("slow").exists():
            time.sleep(0.05)
        return super().forward(cells, noise)


VARIANT = replace(PLAIN, label="Slow", build=Slow)
"""


def test_the_readme_has_what_is_typed_here() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    for command in ("snakemake --cores 8\n", SNAKEMAKE, "`-n`", "--workflow-profile slurm"):
        assert command in readme


@pytest.mark.parametrize("command", ["snakemake --cores 8", "snakemake"])
def test_without_a_study_the_default_one_runs_with_the_default_profile(
    finished: Workspace, command: str
) -> None:
    said = finished.run(f"{command} -n")
    assert "Writing the report: results/default/report.html" in said
    assert "specific profile profiles/default" in said


def test_from_another_folder(finished: Workspace, tmp_path: Path) -> None:
    """The study's paths, and results, are where the command is typed."""
    snakefile = finished.folder / "Snakefile"
    said = finished.type(f"snakemake -s {snakefile} -n", at=tmp_path)
    assert (said.code, "profiles/default" in said.text) == (0, True), said.text
    assert "Writing the report: results/default/report.html" in said.text
    (tmp_path / "below").mkdir()
    said = finished.type(f"snakemake -s {snakefile} --directory below -n", at=tmp_path)
    assert said.code == 0, said.text
    assert (tmp_path / "below" / ".snakemake").is_dir()


def interrupted(workspace: Workspace, number: signal.Signals) -> str:
    """Type the command, and cut it off while it trains; returns what it said."""
    (workspace.folder / "training").unlink(missing_ok=True)
    begun = workspace.begin()
    wait_for((workspace.folder / "training").exists)
    if number == signal.SIGINT:
        os.killpg(begun.pid, number)
    else:
        # Snakemake alone, as the kernel does; its jobs are told by nobody.
        [main] = [one for one in of_the_clone(workspace.folder) if one.pid == begun.pid]
        main.kill()
    said, _ = begun.communicate(timeout=60)
    assert begun.returncode != 0
    wait_for(lambda: not of_the_clone(workspace.folder))
    return str(said)


def test_after_ctrl_c_and_after_a_kill_the_same_command_goes_on(
    workspace: Workspace, study: dict[str, Any]
) -> None:
    study |= {"datasets": study["datasets"][:1], "baselines": ["mean"]}
    study["runs"] = {"slow": {"variant": "slow.py", "n_latent": 2, "n_hidden": 4}}
    (workspace.folder / "slow.py").write_text(SLOW)
    workspace.write(study)
    workspace.run()
    undisturbed = (workspace.study / "scores.csv").read_bytes()
    subprocess.run(["rm", "-r", workspace.folder / "results"], check=True)

    (workspace.folder / "slow").touch()
    said = interrupted(workspace, signal.SIGINT)
    assert "Interrupted: " in said
    assert "To continue, run the same command again." in said
    assert "Error in rule" not in said
    assert "Traceback" not in said
    interrupted(workspace, signal.SIGKILL)
    (workspace.folder / "slow").unlink()
    said = workspace.run()
    assert "Removed the lock on results/mine" in said
    assert trained(said) == {"slow"}
    assert (workspace.study / "scores.csv").read_bytes() == undisturbed
    assert set(workspace.runs()["status"]) == {"ok"}
    assert not list(workspace.study.rglob("*.part"))
    assert "Nothing to be done" in workspace.run()


@pytest.mark.nightly
@pytest.mark.parametrize("victim", ["child", "job"])
def test_a_killed_training_is_tried_again(
    workspace: Workspace, study: dict[str, Any], victim: str
) -> None:
    """By whoever kills: a stray signal is no property of the model."""
    study |= {"datasets": study["datasets"][:1], "baselines": []}
    study["runs"] = {"slow": {"variant": "slow.py", "n_latent": 2, "n_hidden": 4}}
    (workspace.folder / "slow.py").write_text(SLOW)
    (workspace.folder / "slow").touch()
    workspace.write(study)
    begun = workspace.begin()
    wait_for((workspace.folder / "training").exists)
    worker = children_of(workspace.folder, "bench.jobs.train")[-1]
    job = next(one for one in worker.parents() if "train.py" in " ".join(one.cmdline()))
    (workspace.folder / "slow").unlink()
    (worker if victim == "child" else job).kill()
    wait_for(lambda: not worker.is_running())
    said, _ = begun.communicate(timeout=120)
    assert begun.returncode == 0, said
    assert "Trying to restart job" in said
    assert set(workspace.runs()["status"]) == {"ok"}


def test_the_report_of_what_is_finished_can_be_had_at_any_time(
    workspace: Workspace, study: dict[str, Any]
) -> None:
    """While a training is under way, and without disturbing it."""
    study |= {"datasets": study["datasets"][:1]}
    study["runs"] = {"slow": {"variant": "slow.py", "n_latent": 2, "n_hidden": 4}}
    (workspace.folder / "slow.py").write_text(SLOW)
    workspace.write(study)
    nothing = workspace.type("python -m bench report configs/mine.yaml")
    assert nothing.code == 2
    assert "no results yet" in nothing.text
    (workspace.folder / "slow").touch()
    begun = workspace.begin()
    scores = workspace.study / "baselines/tiny/held_out_cells/1/mean/scores.json"
    wait_for(lambda: (workspace.folder / "training").exists() and scores.exists())
    said = workspace.run("python -m bench report configs/mine.yaml")
    assert "2 of 4 replicates are not finished yet" in said
    assert "2 of 4 replicates succeeded" in said
    assert "The study is not done" in (workspace.study / "report.html").read_text()
    assert set(workspace.runs()["status"]) == {"ok", "pending"}
    (workspace.folder / "slow").unlink()
    said, _ = begun.communicate(timeout=120)
    assert begun.returncode == 0, said
    assert set(workspace.runs()["status"]) == {"ok"}
    assert "The study is not done" not in (workspace.study / "report.html").read_text()


def test_a_run_in_the_foreground_says_how_every_seed_ended(
    workspace: Workspace, study: dict[str, Any]
) -> None:
    bad = SLOW.replace('Path("training").touch()', 'raise RuntimeError("not\\ntoday")')
    (workspace.folder / "bad.py").write_text(bad)
    study |= {"datasets": study["datasets"][:1]}
    study["runs"] = {"bad": {"variant": "bad.py", "n_latent": 2, "n_hidden": 4}}
    workspace.write(study)
    said = workspace.type("python -m bench run configs/mine.yaml bad")
    assert said.code == 1
    for seed in (0, 1):
        line = f"tiny  held_out_cells  split 1  seed {seed}  failed  train RuntimeError: not today"
        assert line in said.text
    assert "bad: 0 of 2 replicates succeeded" in said.text
    said = workspace.type("python -m bench run configs/mine.yaml mean")
    assert said.code == 0
    assert said.text.count("  ok\n") == 2
