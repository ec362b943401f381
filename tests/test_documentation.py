"""Contracts: what the documents show is taken out of them and run, so that it cannot rot."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench.catalogue import CARDS, card, names
from bench.core.problem import Problem
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.planning.plan import make_plan
from bench.planning.study import load_study
from bench.training.config import TrainingConfig
from bench.training.loop import train
from tests.conftest import open_replicate, readouts_of
from tests.trackers.made_up import BOUND, write_study

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "configs/README.md"])
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
EXAMPLE = re.compile(r"^`bench/(\w+)/(\w+)\.py`:\n\n```python\n(.*?)^```$", re.M | re.S)
EXAMPLES = {shelf: (name, source) for shelf, name, source in EXAMPLE.findall(CONTRIBUTING)}
COMMANDS = (
    "pip install -e . && snakemake --cores 8",
    "pip install -e '.[test]' && pytest",
)
CPU = torch.device("cpu")


def fenced(page: str, language: str) -> list[str]:
    """The code blocks of one language in a page."""
    text = (ROOT / page).read_text(encoding="utf8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The examples of CONTRIBUTING.md as files outside the repository."""
    folder, paths = tmp_path_factory.mktemp("mine"), {}
    for shelf, (name, source) in EXAMPLES.items():
        paths[shelf] = folder / f"{name}.py"
        paths[shelf].write_text(source, encoding="utf8")
    return paths


@pytest.fixture(scope="module")
def cards(files: dict[str, Path]) -> dict[str, Any]:
    return {shelf: card(shelf, str(path)) for shelf, path in files.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def problem(cards: dict[str, Any]) -> Problem:
    """The example task on the example dataset."""
    dataset, task = cards["data"], cards["tasks"]
    data = dataset.load(dataset.config(n_cells=60, n_genes=12), {})
    return task.problem_of(data, task.config(), 1, numpy_generator("documentation"))


def test_there_is_one_example_for_every_shelf() -> None:
    assert set(EXAMPLES) == set(CARDS)
    for shelf, (name, _) in EXAMPLES.items():
        assert name not in names(shelf)  # type: ignore[arg-type]


def test_the_examples_keep_the_style(files: dict[str, Path]) -> None:
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *command, *config, *map(str, files.values())],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_all_examples_together_make_a_study(files: dict[str, Path], tmp_path: Path) -> None:
    """By path, as a user would who has not forked: all that a study names is found and planned."""
    study = tmp_path / "mine.yaml"
    study.write_text(
        f"seeds: 2\ndatasets: [{files['data']}]\ntasks: [{files['tasks']}]\n"
        f"runs: {{mine: {{variant: {files['models']}, n_latent: 2}}}}\n"
        f"baselines: [{files['baselines']}, oracle]\n"
        f"readouts: {{{files['readouts']}: {{}}}}\n"
        f"metrics: [all, {files['metrics']}]\n"
        f"trackers: [{files['trackers']}]\n"
    )
    plan = make_plan(load_study(study))
    rows = {row["run"]: row for row in plan.runs}
    assert set(rows) == {"mine", "cell_mean", "oracle"}
    assert not plan.skipped
    assert plan.trackers["json_lines"]["tracker"] == str(files["trackers"])
    assert str(files["readouts"]) in rows["mine"]["readouts"]
    for row in rows.values():
        assert {str(files["metrics"]), "imputation_predictive_loglik"} <= set(row["metrics"])


def test_the_dataset_loads(cards: dict[str, Any]) -> None:
    dataset = cards["data"]
    data, again = (dataset.load(dataset.config(), {}) for _ in range(2))
    assert dataset.provides == {"counts", *data.labels, *data.truth}
    assert (data.counts != again.counts).nnz == 0
    assert clean_counts(data, "again").repairs == ()


def test_the_task_poses(cards: dict[str, Any], problem: Problem) -> None:
    assert set(problem.targets) == cards["tasks"].targets
    hidden = ~problem.observed(np.arange(len(problem.role)))
    assert hidden[problem.scored_rows].any(axis=1).all()
    assert problem.counts.toarray()[hidden].sum() == 0
    assert problem.targets["masked_counts"].sum() > 0


def test_the_variant_trains_and_is_read_out(cards: dict[str, Any], problem: Problem) -> None:
    variant, config = cards["models"], cards["models"].config(n_latent=2, n_hidden=8)
    settings = TrainingConfig(max_epochs=1)
    result = train(problem, variant, config, settings, [0, 1], CPU, lambda epoch, going: None)
    state = result.replicates[0].best_state
    shelf = {name: card("readouts", name) for name in names("readouts")} | {
        "totals": cards["readouts"]
    }
    for name in [*sorted(readouts_of(variant)), "totals"]:
        with torch.no_grad():
            fitted = open_replicate(problem, variant, config, state, 0, name)
            arrays = shelf[name].of_variant(fitted, problem, shelf[name].config())
        assert set(arrays) == shelf[name].arrays
        n_rows = {len(array) for array in arrays.values()}
        assert (
            n_rows == {len(problem.scored_rows)}
            if shelf[name].rows == "cells"
            else len(n_rows) == 1
        )
        numbers = [array for array in arrays.values() if array.dtype.kind != "U"]
        assert all(np.isfinite(array).all() for array in numbers), name


def test_the_baseline_fits_and_is_read_out(cards: dict[str, Any], problem: Problem) -> None:
    baseline, readout = cards["baselines"], cards["readouts"]
    fitted = baseline.fit(problem, baseline.config(), numpy_generator("documentation"))
    totals = readout.of_baseline(fitted, problem, readout.config())["total"]
    seen = problem.counts[problem.scored_rows].toarray().sum(1)
    share = problem.observed(problem.scored_rows).mean(1)
    np.testing.assert_allclose(totals, seen / share)


def test_the_metric_scores(cards: dict[str, Any], problem: Problem) -> None:
    """Nothing beats the counts themselves, and the rates they were drawn at beat a constant."""
    metric, answers = cards["metrics"], problem.targets
    exact = np.zeros(answers["masked"].shape)
    exact[answers["masked"]] = answers["masked_counts"]
    rates = problem.truth["rate"][problem.scored_rows]
    predictions = exact, rates, np.full(rates.shape, rates.mean())
    scores = [metric.score(expected_counts=mean, **answers) for mean in predictions]
    assert scores[0] == 0
    assert scores[0] < scores[1] < scores[2]


def test_the_tracker_mirrors(cards: dict[str, Any], tmp_path: Path) -> None:
    """A line for each replicate, the failed one too."""
    tracker, study = cards["trackers"], write_study(tmp_path)
    tracker.mirror(study, tmp_path / "own", tracker.config(curves=False))
    text = (tmp_path / "own/replicates.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["status"] for line in lines] == ["ok", "diverged", "ok", "ok"]
    assert lines[0]["scores"] == {"elbo": BOUND}
    assert not any("curve" in line for line in lines)


def test_the_table_of_single_runs_is_made(cards: dict[str, Any]) -> None:
    latents = {1: np.array([[0.0, 1.0], [2.0, 1.0]]), 4: np.array([[0.0, 3.0], [0.0, -3.0]])}
    parts = cards["page_files"].make([(s, {"latent": z}) for s, z in latents.items()], {})
    table = pd.concat(parts)
    assert table["sd"].tolist() == [1.0, 0.0, 0.0, 3.0]
    assert table["seed"].tolist() == [1, 1, 4, 4]


def test_the_two_commands_stand_everywhere_to_the_letter() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    assert all(command in readme for command in COMMANDS)
    assert COMMANDS[1] in (ROOT / ".ci/run").read_text(encoding="utf8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf8").splitlines()) <= 120


@pytest.mark.parametrize("page", ["README.md", "docs/study.md", "docs/trackers.md"])
def test_studies_in_the_documents_can_be_planned(page: str, tmp_path: Path) -> None:
    blocks = fenced(page, "yaml")
    assert blocks
    for number, text in enumerate(blocks):
        study = tmp_path / f"study_{number}.yaml"
        study.write_text(text, encoding="utf8")
        assert make_plan(load_study(study)).runs


@pytest.mark.slow
@pytest.mark.nightly
def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    """Its study, and every command in order; of Snakemake a dry run only."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/mine.yaml").write_text(fenced("docs/study.md", "yaml")[0])
    lines = "".join(fenced("docs/study.md", "bash")).splitlines()
    commands = [shlex.split(line, comments=True) for line in lines]
    assert {words[0] for words in commands} == {"python", "snakemake"}
    for program, *words in commands:
        dry = ["-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile")]
        done = subprocess.run(
            [sys.executable, *(dry if program == "snakemake" else []), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, " ".join(words) + done.stdout + done.stderr


def explained_in(page: str) -> list[str]:
    """What a page explains, by its third-level headings."""
    return re.findall(r"^### `(\w+)`$", (ROOT / page).read_text(encoding="utf8"), re.M)


def test_what_is_explained_is_there() -> None:
    assert sorted(explained_in("docs/metrics.md")) == names("metrics")
    assert {*explained_in("docs/models.md")} <= {*names("models")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
