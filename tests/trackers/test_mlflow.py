"""Truths about MLflow's local store, read back with MLflow's own client."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.catalogue import card
from tests.trackers.made_up import BOUND, bound, mirrored, write_study

VAE, NMF = "NA/held_out_cells/1/10", "NA/held_out_cells/1/nmf"


def client_of(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def runs_in(uri: str, experiment: str) -> dict[str, Any]:
    client = client_of(uri)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("mlflow"))
    mirrored(card("trackers", "mlflow"), folder)
    return folder


@pytest.fixture(scope="module")
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/own/mlflow.db"


@pytest.fixture(scope="module")
def runs(uri: str) -> dict[str, Any]:
    return runs_in(uri, "made_up")


def test_there_is_a_run_for_every_replicate_and_one_for_the_study(runs: dict[str, Any]) -> None:
    assert set(runs) == {f"{VAE}/0", f"{VAE}/1", f"{NMF}/0", f"{NMF}/1", "study"}


def test_places_are_tags_and_hyperparameters_are_parameters(runs: dict[str, Any]) -> None:
    data = runs[f"{VAE}/0"].data
    assert data.params == {"n_latent": "3", "likelihood": "nb", "hidden": "[16, 4]"}
    assert {key: value for key, value in data.tags.items() if "." not in key} == {
        "dataset": "NA", "task": "held_out_cells", "split": "1", "run": "10", "model": "nbvae",
        "kind": "models", "role": "competitor", "seed": "0", "status": "ok",
    }  # fmt: skip


def test_the_history_is_the_curve(uri: str, runs: dict[str, Any]) -> None:
    client, run_id = client_of(uri), runs[f"{VAE}/0"].info.run_id
    history = client.get_metric_history(run_id, "validation/bound")
    assert [(m.step, m.value) for m in history] == [
        (4 * epoch, bound(0, epoch) - 0.5) for epoch in (1, 2, 3)
    ]
    epochs = client.get_metric_history(run_id, "epoch")
    assert [(m.step, m.value) for m in epochs] == [(4, 1.0), (8, 2.0), (12, 3.0)]


def test_scores_and_costs_are_metrics(runs: dict[str, Any]) -> None:
    metrics = runs[f"{VAE}/0"].data.metrics
    assert metrics["score/elbo"] == BOUND
    assert (metrics["cost/train_seconds"], metrics["cost/n_parameters"]) == (1.5, 99.0)
    assert metrics["train/kl_z"] == 6.0
    assert runs[f"{NMF}/1"].data.metrics == {"score/rmse": 3.0, "cost/train_seconds": 0.25}


def test_what_failed_is_shown_as_failed(runs: dict[str, Any]) -> None:
    failed = runs[f"{VAE}/1"]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["status"] == "diverged"
    assert failed.data.tags["reason"] == "the loss was not a number at step 4"
    assert not any(key.startswith("score/") for key in failed.data.metrics)
    assert {run.info.status for name, run in runs.items() if run is not failed} == {"FINISHED"}


def test_the_study_has_tables_and_page(folder: Path, uri: str, runs: dict[str, Any]) -> None:
    client, study = client_of(uri), runs["study"]
    files = {entry.path for entry in client.list_artifacts(study.info.run_id)}
    assert files == {
        "scores.csv", "runs.csv", "unscored.csv", "plan.csv", "metrics.csv", "provenance.json",
        "report.html",
    }  # fmt: skip
    [page] = (folder / "own").rglob("report.html")
    assert page.read_text() == (folder / "report.html").read_text()
    assert study.data.tags["mlflow.note.content"] == "Made up"


def test_mirrored_again_what_is_the_same_stays(new_study: Callable[..., Path]) -> None:
    """Two studies share an experiment; one changes, and the other keeps its runs."""
    tracker, folder = card("trackers", "mlflow"), new_study()
    shared = {"tracking_uri": f"sqlite:///{folder}/shared.db", "experiment": "all"}
    first = mirrored(tracker, folder, **shared)["runs"]
    other = mirrored(tracker, new_study(name="other"), **shared)["runs"]
    again = mirrored(tracker, new_study(elbo=-2.0), **shared)["runs"]
    assert {name for name in first if again[name] != first[name]} == {f"{VAE}/0", "study"}
    client = client_of(shared["tracking_uri"])
    found = client.search_runs([client.get_experiment_by_name("all").experiment_id])
    assert {run.info.run_id for run in found} == {*other.values(), *again.values()}
    assert all(run.info.artifact_uri.startswith(folder.as_uri()) for run in found)


def test_what_was_cut_off_is_written_anew(
    new_study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    tracker, folder = card("trackers", "mlflow"), new_study()
    uri = f"sqlite:///{folder}/own/mlflow.db"
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_artifact", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            mirrored(tracker, folder)
    cut = runs_in(uri, "made_up")
    runs = mirrored(tracker, folder)["runs"]
    assert {run.info.run_id for run in runs_in(uri, "made_up").values()} == {*runs.values()}
    assert {name for name in cut if cut[name].info.run_id != runs[name]} == {"study"}
