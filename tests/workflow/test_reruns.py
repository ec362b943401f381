"""What an edit runs again, and that it runs nothing else."""

import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
from desk import Desk, edited

pytestmark = pytest.mark.slow

DATASETS = ("tiny", "mine")
END = {"Gathering all scores", "Writing the report: results/tiny/report.html"}


def jobs(*verbs: str, runs: tuple[str, ...], datasets: tuple[str, ...] = DATASETS) -> set[str]:
    """The messages of these jobs of these runs."""
    return {
        f"{verb} {run} on {dataset}, held_out_cells"
        for verb, run, dataset in product(verbs, runs, datasets)
    }


def again(*runs: str, datasets: tuple[str, ...] = DATASETS) -> set[str]:
    """All jobs of these variants."""
    return jobs("Training", "Reading out", "Scoring", runs=runs, datasets=datasets)


BASELINE = jobs("Fitting", "Scoring", runs=("mean",))


def test_the_copy_is_what_runs(finished: Desk) -> None:
    command = [sys.executable, "-c", "import bench; print(bench.__file__)"]
    said = subprocess.run(
        command, env=finished.environment, cwd=finished.folder, text=True, capture_output=True
    ).stdout
    assert said.strip() == str(finished.code / "bench" / "__init__.py")


def test_a_second_time_nothing_is_done(finished: Desk) -> None:
    assert finished.planned() == set()
    assert "Nothing to be done" in finished.run()


def test_every_run_ended_well(finished: Desk) -> None:
    runs = finished.runs()
    assert set(runs["status"]) == {"ok"}
    assert len(runs) == 3 * 2 * 2
    scores = finished.scores()
    assert set(scores["run"]) == {"nbvae", "user", "mean"}
    assert not scores.isna().any().any()


def test_an_edited_variant_runs_alone(finished: Desk) -> None:
    with edited(finished.code / "bench/models/nbvae.py"):
        assert finished.planned() == again("nbvae") | END


def test_an_edited_file_of_the_users_runs_alone(finished: Desk) -> None:
    with edited(finished.folder / "elsewhere/my_vae.py"):
        assert finished.planned() == again("user") | END


def test_a_variant_nobody_uses_runs_nothing(finished: Desk) -> None:
    with edited(finished.code / "bench/models/zinbvae.py"):
        assert finished.planned() == set()


def test_what_variants_share_trains_all_of_them_and_no_baseline(finished: Desk) -> None:
    with edited(finished.code / "bench/parts/distributions.py"):
        assert finished.planned() == again("nbvae", "user") | END


def test_an_edited_baseline_runs_alone(finished: Desk) -> None:
    with edited(finished.code / "bench/baselines/mean.py"):
        assert finished.planned() == BASELINE | END


def test_a_new_metric_trains_nothing(finished: Desk) -> None:
    source = (finished.code / "bench/metrics/elbo.py").read_text()
    with edited(finished.code / "bench/metrics/added.py", source):
        assert finished.planned() == jobs("Scoring", runs=("nbvae", "user", "mean")) | END


def test_an_edited_metric_trains_nothing(finished: Desk) -> None:
    with edited(finished.code / "bench/metrics/elbo.py"):
        assert finished.planned() == jobs("Scoring", runs=("nbvae", "user", "mean")) | END


def test_an_edited_task_poses_again_and_prepares_nothing(finished: Desk) -> None:
    posed = {f"Posing held_out_cells on {dataset}, split 1" for dataset in DATASETS}
    with edited(finished.code / "bench/tasks/held_out_cells.py"):
        assert finished.planned() == posed | again("nbvae", "user") | BASELINE | END


def test_an_edited_page_writes_the_report_alone(finished: Desk) -> None:
    with edited(finished.code / "bench/reports/page.py"):
        assert finished.planned() == END - {"Gathering all scores"}


def with_study(finished: Desk, study: dict[str, Any]) -> set[str]:
    """What another text of the same study would run."""
    path = finished.folder / "tiny.yaml"
    before = path.read_text()
    finished.write(study)
    try:
        return finished.planned()
    finally:
        path.write_text(before)


def test_another_dataset_leaves_the_others_alone(finished: Desk, study: dict[str, Any]) -> None:
    other = {"other": {"dataset": "gamma_poisson", "n_cells": 30, "n_genes": 8}}
    study["datasets"].append(other)
    begin = {"Preparing other", "Posing held_out_cells on other, split 1"}
    new = ("other",)
    runs = again("nbvae", "user", datasets=new)
    baseline = jobs("Fitting", "Scoring", runs=("mean",), datasets=new)
    assert with_study(finished, study) == begin | runs | baseline | END


def test_another_hyperparameter_trains_that_run_alone(
    finished: Desk, study: dict[str, Any]
) -> None:
    study["runs"]["nbvae"]["n_hidden"] = 5
    assert with_study(finished, study) == again("nbvae") | END


def test_another_seed_prepares_and_poses_nothing(finished: Desk, study: dict[str, Any]) -> None:
    study["seeds"] = 3
    assert with_study(finished, study) == again("nbvae", "user") | BASELINE | END


def test_another_number_of_draws_trains_nothing(finished: Desk, study: dict[str, Any]) -> None:
    study["readouts"]["bounds"]["n_samples"] = 6
    asked = jobs("Reading out", "Scoring", runs=("nbvae", "user")) | BASELINE
    assert with_study(finished, study) == asked | END


def test_a_reference_trains_nothing(finished: Desk, study: dict[str, Any]) -> None:
    study["reference"] = "mean"
    assert with_study(finished, study) == END


def test_trackers_train_nothing(finished: Desk, study: dict[str, Any]) -> None:
    study["trackers"] = ["wandb", {"ours": {"tracker": "mlflow"}}]
    mirrored = {f"Mirroring the study to {label}" for label in ("wandb", "ours")}
    assert with_study(finished, study) == END | mirrored


def test_a_changed_file_of_counts_is_prepared_again(finished: Desk, write_counts: Any) -> None:
    path = finished.folder / "mine.h5ad"
    begin = {"Preparing mine", "Posing held_out_cells on mine, split 1"}
    runs = again("nbvae", "user", datasets=("mine",))
    baseline = jobs("Fitting", "Scoring", runs=("mean",), datasets=("mine",))
    with edited(path, ""):
        write_counts(path, np.tile([1.0, 2.0], (40, 5)))
        assert finished.planned() == begin | runs | baseline | END


def test_a_forgotten_report_is_written_again(finished: Desk) -> None:
    page = finished.folder / "results/tiny/report.html"
    hidden = page.rename(page.with_suffix(".hidden"))
    try:
        assert finished.planned() == END - {"Gathering all scores"}
    finally:
        hidden.rename(page)
