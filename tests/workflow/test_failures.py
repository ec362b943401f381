"""A run that fails is a row, never a hole: whatever a user's file does, the study ends."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest
from desk import Desk

pytestmark = pytest.mark.slow

HEAD = """
import os
from dataclasses import replace
from signal import SIGKILL

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
                raise RuntimeError("no gradient today")
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
    "greedy": """
        class Mine(PVAE):
            def forward(self, cells, noise):
                raise MemoryError
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
VARIANT = replace(PLAIN, label={label!r}, gives=frozenset({gives!r}), build=Mine)
"""
METRIC = """
from bench.core.metric import Metric


def score(latent):
    {body}


METRIC = Metric(
    label={label!r},
    score=score,
    needs=frozenset({{"latent"}}),
    better="higher",
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
EXPECTED = {
    # run: (status and words of the reason of seed 0, the same of seed 1)
    "healthy": (("ok", ""), ("ok", "")),
    "raises": (("failed", "RuntimeError: no gradient today"),) * 2,
    "not_a_number": (("ok", ""), ("diverged", "not a number at step")),
    "killed": (("failed", "killed by signal 9"),) * 2,
    "greedy": (("out_of_memory", "MemoryError"),) * 2,
    "mute": (("failed", "asked in vain"),) * 2,
    "oddly_scored": (("failed", "this metric is broken"),) * 2,
    "mean": (("ok", ""), ("ok", "")),
    "lost": (("failed", "lost the thread"),) * 2,
}


def written(folder: Path) -> dict[str, Any]:
    """The study of all these variants and metrics, given as paths outside the repository."""
    theirs = folder / "theirs"
    theirs.mkdir()
    for name, body in BODIES.items():
        gives = ["bounds", "latent"] if name in ("mute", "oddly_scored") else ["bounds"]
        card = CARD.format(label=name, gives=gives)
        (theirs / f"{name}.py").write_text(HEAD + dedent(body) + card)
    broken = METRIC.format(label="Broken", body='raise ZeroDivisionError("this metric is broken")')
    (theirs / "broken.py").write_text(broken)
    (theirs / "empty.py").write_text(METRIC.format(label="Empty", body='return float("nan")'))
    (theirs / "lost.py").write_text(BASELINE)
    small = {"n_latent": 2, "n_hidden": 4}
    return {
        "seeds": 2,
        "datasets": [{"tiny": {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}}],
        "tasks": ["held_out_cells"],
        "training": {"max_epochs": 1, "batch_size": 16},
        "readouts": {"bounds": {"n_samples": 5}},
        "runs": {name: {"variant": f"theirs/{name}.py", **small} for name in BODIES},
        "baselines": ["mean", "theirs/lost.py"],
        "metrics": ["elbo", "theirs/broken.py", "theirs/empty.py"],
    }


@pytest.fixture(scope="module")
def failed(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The study of failures; that it ends well is asserted here."""
    desk = Desk(tmp_path_factory.mktemp("failed"), code)
    desk.write(written(desk.folder), "failures")
    desk.run("failures")
    return desk


@pytest.mark.parametrize("run", EXPECTED)
def test_every_failure_is_a_row_with_its_reason(failed: Desk, run: str) -> None:
    rows = failed.runs("failures").query("run == @run").sort_values("seed")
    assert len(rows) == 2
    for row, (status, words) in zip(rows.itertuples(), EXPECTED[run], strict=True):
        assert row.status == status
        assert words in row.reason
        assert "Traceback" not in row.reason
        assert bool(row.reason) == (status != "ok")


def test_both_odd_metrics_are_in_the_reason(failed: Desk) -> None:
    reason = failed.runs("failures").query("run == 'oddly_scored'")["reason"].iloc[0]
    assert "broken: ZeroDivisionError" in reason
    assert "empty: gave nan, which is no finite number" in reason


def test_what_went_well_is_scored(failed: Desk) -> None:
    scores = failed.scores("failures")
    scored = {(run, seed) for run, seed in zip(scores["run"], scores["seed"], strict=True)}
    whole = {(run, seed) for run in ("healthy", "oddly_scored", "mean") for seed in (0, 1)}
    assert scored == whole | {("not_a_number", 0)}


def test_the_end_of_the_log_is_in_the_record(failed: Desk) -> None:
    record = failed.record("failures/runs/tiny/held_out_cells/1/raises/status.json")
    assert record["log_tail"].endswith("RuntimeError: no gradient today")


def test_what_fails_when_asked_was_trained(failed: Desk) -> None:
    folder = "failures/runs/tiny/held_out_cells/1/mute"
    assert failed.record(f"{folder}/status.json")["status"] == "ok"
    assert failed.record(f"{folder}/readouts.json")["status"] == "failed"


def test_the_report_names_every_failed_run(failed: Desk) -> None:
    page = (failed.folder / "results/failures/report.html").read_text()
    for run in EXPECTED:
        assert run in page
    for words in ("no gradient today", "killed by signal 9"):
        assert words in page


def test_a_second_time_nothing_is_done(failed: Desk) -> None:
    assert failed.planned("failures") == set()


def test_a_strict_study_fails_after_its_report(failed: Desk) -> None:
    page = failed.folder / "results/failures/report.html"
    page.unlink()
    done = failed.snakemake("--config", "strict=true", study="failures")
    assert done.returncode != 0
    assert page.is_file()
    bad = sum(status != "ok" for pair in EXPECTED.values() for status, _ in pair)
    assert f"{bad} of {2 * len(EXPECTED)} runs failed" in done.stdout
    assert done.stdout.count("tiny held_out_cells 1 raises seed 0") == 1
    assert "Traceback" not in done.stdout


def test_a_strict_study_without_failures_ends_well(new_desk: Desk, study: dict[str, Any]) -> None:
    study |= {"datasets": study["datasets"][:1], "runs": {}, "strict": True}
    new_desk.write(study)
    new_desk.run()
    assert set(new_desk.runs()["status"]) == {"ok"}
    verdict = new_desk.folder / "results/tiny/verdict.txt"
    assert verdict.read_text() == "all 2 runs are ok\n"


def test_curves_of_good_seeds_are_kept(failed: Desk) -> None:
    folder = failed.folder / "results/failures/runs/tiny/held_out_cells/1/not_a_number"
    curve = pd.read_parquet(folder / "curve.parquet")
    assert 0 in set(curve["seed"])
