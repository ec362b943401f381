"""Truths about offline runs of W&B, read back from its own files with its own message types."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.catalogue import card
from tests.trackers.made_up import BOUND, bound, mirrored, write_study

BLOCK, HEADER = 32768, 7
ENDS_A_RECORD = (1, 4)
"""Kinds of pieces in a LevelDB log: whole, and last of several."""

VAE, NMF = "NA/held_out_cells/1/10", "NA/held_out_cells/1/nmf"


def records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: a LevelDB log of messages, behind a header."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        whole += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in ENDS_A_RECORD:
            record = Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def plain(items: Any) -> dict[str, Any]:
    """Keys and values of a history row, a summary or a configuration."""
    return {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items}


class Run:
    """One offline run."""

    def __init__(self, path: Path) -> None:
        self.folder, self.history, self.summary = path.parent, [], {}
        self.exit_code: int | None = None
        self.artifacts: dict[str, set[str]] = {}
        for record in records(path):
            self._take(record)

    def _take(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "run":
            self.said, self.config = record.run, plain(record.run.config.update)
        elif kind == "history":
            self.history.append((record.history.step.num, plain(record.history.item)))
        elif kind == "summary":
            self.summary |= plain(record.summary.update)
        elif kind == "exit":
            self.exit_code = record.exit.exit_code
        elif kind == "artifact":
            files = record.artifact.manifest.contents
            self.artifacts[record.artifact.name] = {file.path for file in files}
            self.staged = [Path(file.local_path) for file in files]


def runs_in(folder: Path) -> dict[str, Run]:
    found = [Run(path) for path in folder.rglob("offline-run-*/*.wandb")]
    assert len({run.said.display_name for run in found}) == len(found)
    return {run.said.display_name: run for run in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("wandb"))
    mirrored(card("trackers", "wandb"), folder)
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Run]:
    return runs_in(folder / "own")


def test_there_is_a_run_for_every_replicate_and_one_for_the_study(runs: dict[str, Run]) -> None:
    assert set(runs) == {f"{VAE}/0", f"{VAE}/1", f"{NMF}/0", f"{NMF}/1", "study"}
    said = runs[f"{VAE}/0"].said
    assert (said.project, said.run_group, said.job_type) == ("made_up", "10", "held_out_cells")
    assert said.entity == ""


def test_the_configuration_is_place_and_parameters(runs: dict[str, Run]) -> None:
    config = runs[f"{VAE}/0"].config
    del config["_wandb"]
    assert config == {
        "dataset": "NA", "task": "held_out_cells", "split": 1, "run": "10", "model": "nbvae",
        "kind": "models", "role": "competitor", "seed": 0,
        "n_latent": 3, "likelihood": "nb", "hidden": "[16, 4]",
    }  # fmt: skip


def test_the_history_is_the_curve(runs: dict[str, Run]) -> None:
    history = runs[f"{VAE}/0"].history
    assert [step for step, _ in history] == [4, 8, 12]
    assert {key: value for key, value in history[2][1].items() if not key.startswith("_")} == {
        "train/bound": bound(0, 3), "train/kl_z": 6.0, "epoch": 3,
        "validation/bound": bound(0, 3) - 0.5, "validation/kl_z": 6.0,
    }  # fmt: skip
    assert len(runs[f"{VAE}/1"].history) == 1
    assert not runs[f"{NMF}/0"].history


def test_the_summary_is_scores_costs_and_status(runs: dict[str, Run]) -> None:
    summary = runs[f"{VAE}/0"].summary
    assert summary["score/elbo"] == BOUND
    assert (summary["cost/train_seconds"], summary["cost/n_parameters"]) == (1.5, 99)
    assert (summary["cost/device"], summary["status"]) == ("cpu", "ok")
    assert runs[f"{NMF}/1"].summary["score/rmse"] == 3.0


def test_what_failed_is_shown_as_failed(runs: dict[str, Run]) -> None:
    failed = runs[f"{VAE}/1"]
    assert (failed.exit_code, failed.summary["status"]) == (1, "diverged")
    assert failed.summary["reason"] == "the loss was not a number at step 4"
    assert not any(key.startswith("score/") for key in failed.summary)
    assert {runs[name].exit_code for name in (f"{VAE}/0", f"{NMF}/0", f"{NMF}/1", "study")} == {0}


def test_the_study_has_tables_and_page(folder: Path, runs: dict[str, Run]) -> None:
    study = runs["study"]
    [page] = study.folder.glob("files/media/html/report_*.html")
    assert page.read_text() == (folder / "report.html").read_text()
    [table] = study.folder.glob("files/media/table/scores_*.table.json")
    assert [*json.loads(table.read_text())["data"][0][-2:]] == ["elbo", BOUND]
    assert study.artifacts["made_up-results"] == {
        "scores.csv", "runs.csv", "unscored.csv", "plan.csv", "metrics.csv", "provenance.json",
        "report.html",
    }  # fmt: skip
    # What ``wandb sync`` will send lies with the results and not in somebody's home.
    assert all(path.is_file() for path in study.staged)
    assert all(path.is_relative_to(folder / "own") for path in study.staged)
    assert study.config["commit"] == "0123abc"


def test_nothing_is_said_of_the_machine_or_the_checkout(folder: Path, runs: dict[str, Run]) -> None:
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert not left & {"wandb-metadata.json", "requirements.txt", "output.log", "diff.patch"}
    assert not any(run.said.HasField("git") for run in runs.values())


def test_a_second_time_the_runs_are_the_same(new_study: Callable[..., Path]) -> None:
    tracker, folder = card("trackers", "wandb"), new_study()
    first = mirrored(tracker, folder, project="elsewhere", entity="us")
    assert {(r.said.project, r.said.entity) for r in runs_in(folder / "own").values()} == {
        ("elsewhere", "us")
    }
    again = mirrored(tracker, new_study(elbo=-2.0))
    changed = {name for name, key in first["runs"].items() if again["runs"][name] != key}
    assert changed == {f"{VAE}/0", "study"}
    assert {run.said.run_id for run in runs_in(folder / "own").values()} == {
        *again["runs"].values()
    }
