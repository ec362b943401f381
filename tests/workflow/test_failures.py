"""A run that fails is a row, never a hole: whatever a user's file does, the study ends."""

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import anndata
import numpy as np
import pandas as pd
import pytest
from workspace import Workspace

pytestmark = pytest.mark.slow

HEAD = """
import os
import sys
import time
from dataclasses import replace
from signal import SIGKILL, SIGSEGV

import psutil
import torch
from torch import nn

from bench.core.seeds import address
from bench.models.pvae import PVAE, VARIANT as PLAIN
"""
BODIES = {
    "healthy": """
        class Mine(PVAE):
            pass
    """,
    "raises": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                raise RuntimeError("no gradient today,\\nneither tomorrow")
    """,
    "not_a_number": """
        class Mine(PVAE):
            def __init__(self, facts, config):
                super().__init__(facts, config)
                unlucky = torch.initial_seed() == address("replicate", 1, "init")
                self.register_buffer("flaw", torch.tensor(float("nan") if unlucky else 1.0))

            def forward(self, cells, noise):
                terms = super().forward(cells, noise)
                flawed = {name: term * self.flaw for name, term in terms.local.items()}
                return terms._replace(local=flawed)
    """,
    "killed": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                os.kill(os.getpid(), SIGKILL)
    """,
    "crashes": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                os.kill(os.getpid(), SIGSEGV)
    """,
    "greedy": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                raise MemoryError
    """,
    "exits": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                sys.exit(0)
    """,
    "exits_at_once": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                os._exit(0)
    """,
    "kills_its_job": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                for one in psutil.Process().parents():
                    if one.cmdline()[-1].endswith("train.py"):
                        one.kill()
                time.sleep(60)
    """,
    "talkative": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                for _ in range(10):
                    print("x" * 2**20, end="")
                raise type("=cmd", (Exception,), {})("y" * 2**20)
    """,
    "mute": """
        class Mine(nn.Module):
            def __init__(self, facts, config):
                super().__init__()
                self.inner = PVAE(facts, config)
                self.noise = self.inner.noise
                self.generate = self.inner.generate

            def forward(self, cells, noise):
                return self.inner(cells, noise)

            def infer(self, cells):
                raise ValueError("asked in vain")
    """,
    "oddly_scored": """
        class Mine(PVAE):
            pass
    """,
}
CARD = """
VARIANT = replace(PLAIN, label={label!r}, can=frozenset({can!r}), build=Mine)
"""
METRIC = """
from bench.core.metric import Metric, NotApplicable


def score(latent):
    {body}


METRIC = Metric(
    label={label!r},
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="",
    reference="made for this test",
)
"""
BASELINE = """
from dataclasses import replace

from bench.baselines.mean import BASELINE as MEAN


def fit(problem, config, generator):
    raise ValueError("lost the thread")


BASELINE = replace(MEAN, label="Lost", fit=fit)
"""
WELL = ("ok", "")
KILLED = "its job left neither a result nor a reason"
EXPECTED = {
    # run: (status and words of the reason of seed 0, the same of seed 1)
    "healthy": (WELL, WELL),
    "raises": (("failed", "RuntimeError: no gradient today, neither tomorrow"),) * 2,
    "not_a_number": (WELL, ("diverged", "not a number at step")),
    "killed": (("failed", "killed by signal 9 (SIGKILL)"),) * 2,
    "crashes": (("failed", "killed by signal 11 (SIGSEGV)"),) * 2,
    "greedy": (("out_of_memory", "MemoryError"),) * 2,
    "exits": (("failed", "SystemExit: 0"),) * 2,
    "exits_at_once": (("failed", "ended with exit code 0 but wrote no result"),) * 2,
    "kills_its_job": (("failed", KILLED),) * 2,
    "talkative": (("failed", "'=cmd: yyy"),) * 2,
    "mute": (("failed", "asked in vain"),) * 2,
    "oddly_scored": (WELL, WELL),
    "mean": (WELL, WELL),
    "lost": (("failed", "lost the thread"),) * 2,
}
BY_THE_MACHINE = {"killed", "greedy", "kills_its_job"}
"""What was cut off from outside, as far as anyone can tell: it is tried again."""

FEW = ("raises", "not_a_number", "killed", "talkative", "mute", "oddly_scored")
"""The variants of every test run; the others are nightly, and ``tests/jobs`` has them without
Snakemake."""

UNUSABLE = "3,200 entries are fractions"


def written(folder: Path, variants: Iterable[str]) -> dict[str, Any]:
    """The study of these variants and all metrics, given as paths outside the repository."""
    theirs = folder / "theirs"
    theirs.mkdir()
    for name in variants:
        body = BODIES[name]
        can = ["bound", "latent"] if name in ("mute", "oddly_scored") else ["bound"]
        card = CARD.format(label=name, can=can)
        (theirs / f"{name}.py").write_text(HEAD + dedent(body) + card)
    bodies = {
        "broken": 'raise ZeroDivisionError("this metric is broken")',
        "exiting": "raise SystemExit(0)",
        "empty": 'return float("nan")',
        "beyond": "return 1.5",
        "undefined": 'raise NotApplicable("one batch has no mixing")',
    }
    for name, body in bodies.items():
        (theirs / f"{name}.py").write_text(METRIC.format(label=name, body=body))
    (theirs / "lost.py").write_text(BASELINE)
    fractions = np.random.default_rng(0).uniform(0.1, 0.9, (80, 40)).astype(np.float32)
    anndata.AnnData(fractions).write_h5ad(folder / "fractions.h5ad")
    small = {"n_latent": 2, "n_hidden": 4}
    return {
        "seeds": 2,
        "datasets": [
            {"tiny": {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}},
            {"bad": {"path": "fractions.h5ad"}},
        ],
        "tasks": ["held_out_cells"],
        "training": {"max_epochs": 1, "batch_size": 16},
        "readouts": {"bounds": {"n_samples": 5}},
        "runs": {name: {"variant": f"theirs/{name}.py", **small} for name in variants},
        "baselines": ["mean", "theirs/lost.py"],
        "metrics": ["elbo", *(f"theirs/{name}.py" for name in bodies)],
    }


class Failed(NamedTuple):
    """A clone in which the study of failures was run, and what Snakemake said."""

    workspace: Workspace
    said: str
    expected: dict[str, Any]
    """The part of ``EXPECTED`` that is about its runs."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(FEW, id="few"),
        pytest.param(tuple(BODIES), id="all", marks=pytest.mark.nightly),
    ],
)
def failed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Failed:
    """Nothing of it hinders the rest of the study, or its report."""
    workspace = Workspace(tmp_path_factory.mktemp("failed"))
    workspace.write(written(workspace.folder, request.param))
    done = workspace.type()
    # Jobs that were cut off are an error of the whole; models that failed are not.
    assert done.code == 1
    runs = {*request.param, "mean", "lost"}
    expected = {run: ends for run, ends in EXPECTED.items() if run in runs}
    return Failed(workspace, done.text, expected)


def rows_of(failed: Failed, run: str, dataset: str = "tiny") -> pd.DataFrame:
    rows = failed.workspace.runs().query("run == @run and dataset == @dataset")
    return rows.sort_values("seed")


def test_every_failure_is_a_row_with_its_reason(failed: Failed) -> None:
    for run, expected in failed.expected.items():
        rows = rows_of(failed, run)
        assert len(rows) == 2
        for row, (status, words) in zip(rows.itertuples(), expected, strict=True):
            assert (row.status, words in row.reason) == (status, True), (run, row)
            assert bool(row.reason) == (status != "ok")
            assert "Traceback" not in row.reason


def test_reasons_are_short_and_no_formulas(failed: Failed) -> None:
    """Whatever a model prints or raises (R6)."""
    reasons = failed.workspace.runs()["reason"]
    assert reasons.str.encode("utf8").str.len().max() < 1000
    assert not reasons.str.match(r"[=+@-]").any()
    study = failed.workspace.study
    for path in (*study.rglob("*.json"), *study.glob("*.csv")):
        assert path.stat().st_size < 1e5, path
    assert (study / "report.html").stat().st_size < 3e6


def test_a_dataset_that_cannot_be_used_costs_the_others_nothing(failed: Failed) -> None:
    rows = failed.workspace.runs().query("dataset == 'bad'")
    assert len(rows) == 2 * len(failed.expected)
    assert set(rows["status"]) == {"failed"}
    assert set(rows["stage"]) == {"prepare"}
    assert rows["reason"].str.contains(UNUSABLE).all()
    assert failed.said.count("failed (prepare): bad: ") == 1
    page = (failed.workspace.study / "report.html").read_text()
    assert page.count(UNUSABLE) == 1
    assert "not prepared" in page


def test_the_terminal_tells_every_failed_run_and_the_counts(failed: Failed) -> None:
    lines = [line.strip() for line in failed.said.splitlines()]
    for run, ends in failed.expected.items():
        told = [line for line in lines if line.startswith(("failed", "diverged", "out_of"))]
        told = [line for line in told if f"(train): {run} on tiny" in line or f": {run} on" in line]
        assert bool(told) == (WELL not in ends or run == "not_a_number"), run
    good = sum(end == WELL for ends in failed.expected.values() for end in ends)
    total = 4 * len(failed.expected)
    assert f"{good} of {total} replicates succeeded; see results/mine/report.html" in lines


def test_a_metric_that_fails_is_told_and_fails_no_seed(failed: Failed) -> None:
    table = pd.read_csv(failed.workspace.study / "unscored.csv", keep_default_na=False)
    mine = table.query("run == 'oddly_scored' and seed == 0").set_index("metric")
    assert mine["status"].to_dict() == {
        **dict.fromkeys(("broken", "exiting", "empty", "beyond"), "failed"),
        "undefined": "not_applicable",
    }
    words = {
        "broken": "ZeroDivisionError: this metric is broken",
        "exiting": "SystemExit: 0",
        "empty": "returned nan",
        "beyond": "returned 1.5, outside its own bounds of 0 to 1",
        "undefined": "one batch has no mixing",
    }
    assert mine["reason"].to_dict() == words
    page = (failed.workspace.study / "report.html").read_text()
    assert all(reason in page for reason in words.values())


def test_what_went_well_is_scored(failed: Failed) -> None:
    scores = failed.workspace.scores()
    scored = {(run, seed) for run, seed in zip(scores["run"], scores["seed"], strict=True)}
    good = failed.expected.keys() & {"healthy", "oddly_scored", "mean"}
    whole = {(run, seed) for run in good for seed in (0, 1)}
    assert scored == whole | {("not_a_number", 0)}
    assert set(scores["metric"]) == {"elbo"}


def test_the_end_of_the_log_is_in_the_record(failed: Failed) -> None:
    record = failed.workspace.record("runs/tiny/held_out_cells/1/raises/status.json")
    assert record["seeds"]["0"]["log_tail"].endswith("neither tomorrow")


def test_what_fails_when_asked_was_trained(failed: Failed) -> None:
    place = "runs/tiny/held_out_cells/1/mute"
    trained = failed.workspace.record(f"{place}/status.json")
    assert {one["status"] for one in trained["seeds"].values()} == {"ok"}
    assert set(rows_of(failed, "mute")["stage"]) == {"read_out"}


def test_curves_of_good_seeds_are_there(failed: Failed) -> None:
    folder = failed.workspace.study / "runs/tiny/held_out_cells/1/not_a_number"
    assert set(pd.read_parquet(folder / "seed-0" / "curve.parquet")["seed"]) == {0}
    assert not (folder / "seed-1" / "weights.safetensors").exists()


def test_only_what_was_cut_off_is_tried_again(failed: Failed) -> None:
    planned = failed.workspace.planned()
    trained = {text.split()[1] for text in planned if text.startswith("Training")}
    assert {run for run in trained if f"Training {run} on tiny, held_out_cells" in planned} == (
        BY_THE_MACHINE & failed.expected.keys()
    )


@pytest.mark.nightly
def test_a_strict_study_fails_after_its_report(workspace: Workspace, study: Any) -> None:
    (workspace.folder / "lost.py").write_text(BASELINE)
    study |= {"datasets": study["datasets"][:1], "runs": {}, "strict": True}
    workspace.write(study | {"baselines": ["mean", "lost.py"]})
    done = workspace.type()
    assert done.code != 0
    assert (workspace.study / "report.html").is_file()
    assert "2 of 4 runs failed" in done.text
    assert done.text.count("tiny held_out_cells 1 lost seed 0") == 1
    assert "Traceback" not in done.text
    workspace.write(study | {"baselines": ["mean"]})
    workspace.run()
    assert set(workspace.runs()["status"]) == {"ok"}
    assert workspace.record("records/check_failures.json")["runs"] == 2
