"""Truths about the command line and about what is generated for people and editors."""

import difflib
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from bench import catalogue
from bench.__main__ import main
from bench.catalogue import CARDS
from bench.jobs import foreground
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.schema import CONFIGS, generated
from bench.planning.study import load_study
from bench.planning.yaml_file import read_yaml
from bench.results.collect import Collected

STUDIES = sorted(CONFIGS.glob("*.yaml"))
GOOD = (
    "seeds: 2\ndatasets: [gamma_poisson, pbmc68k_reduced]\ntasks: [held_out_cells]\n"
    "runs: {nbvae: {variant: nbvae, n_latent: [3, 10]}}\nbaselines: [mean, oracle]\n"
)


@pytest.fixture
def study(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    return str(path)


def test_list_names_everything_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for shelf in CARDS:
        named = catalogue.metric_names() if shelf == "metrics" else catalogue.names(shelf)
        assert all(f"  {name}: " in shown for name in named)
    assert "n_latent" in shown
    assert "a whole number > 0" in shown


def test_list_can_show_one_shelf(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "tasks"]) == 0
    shown = capsys.readouterr().out
    assert "held_out_cells" in shown
    assert "nbvae" not in shown


def test_check_prints_the_plan(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", study]) == 0
    shown = capsys.readouterr().out
    assert "4 runs × 2 datasets × 1 task × 1 split × 2 seeds" in shown
    # 2 prepared, 2 posed, 2 variants twice in 3 steps, 3 baselines in 2, and the two at the end.
    assert "about 24 jobs" in shown
    assert "nbvae.n_latent-10" in shown
    assert "skipped: oracle on pbmc68k_reduced as held_out_cells: needs" in shown
    assert "metrics of held_out_cells: " in shown
    assert "elbo, iwelbo" in shown


def test_mistakes_are_told_on_stderr_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("runz: 1\ndatasets: [gama_poisson]\ntasks: [held_out_cells]\nseeds: 0\n")
    command = [sys.executable, "-m", "bench", "check", str(path)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("4 problems in the study bad:")
    assert "Traceback" not in outcome.stderr


def test_run_hands_the_plan_to_the_jobs(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Plan, str]] = []

    def run(plan: Plan, label: str) -> Collected:
        seen.append((plan, label))
        return Collected(runs=[{"status": "ok"}, {"status": status}])

    monkeypatch.setattr(foreground, "run_in_foreground", run)
    status = "ok"
    assert main(["run", study, "nbvae.n_latent-3"]) == 0
    [(plan, label)] = seen
    assert (plan.name, label) == ("mine", "nbvae.n_latent-3")
    status = "diverged"
    assert main(["run", study, "nbvae.n_latent-3"]) == 1


def test_run_suggests_the_label_that_was_meant(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", study, "nbvae.n_latent-4"]) == 2
    assert "did you mean nbvae.n_latent-3?" in capsys.readouterr().err


def test_what_is_generated_is_fresh() -> None:
    """After adding a card: ``python -m bench.planning.schema``."""
    for path, text in generated().items():
        old, new = path.read_text(encoding="utf8").splitlines(), text.splitlines()
        diff = "\n".join(difflib.unified_diff(old, new, path.name, "generated anew", lineterm=""))
        assert not diff, f"stale; run `python -m bench.planning.schema`\n{diff}"


def test_generated_text_shows_every_parameter() -> None:
    table = generated()[CONFIGS / "README.md"]
    assert "| `learning_rate` | `0.001` | a number > 0 |" in table
    for shelf in ("data", "tasks", "models", "baselines", "readouts"):
        assert all(f": `{name}`\n" in table for name in catalogue.names(shelf))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_studies_of_the_repository_are_right(path: Path) -> None:
    plan = make_plan(load_study(path))
    assert plan.runs
    schema = json.loads((CONFIGS / "study.schema.json").read_text(encoding="utf8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(read_yaml(path)[0])


@pytest.mark.parametrize(
    "wrong",
    [
        "seedz: 3",
        "seeds: 0",
        "datasets: [gama_poisson]",
        "datasets: [{small: {dataset: gamma_poisson, n_cellz: 3}}]",
        "training: {learning_rate: -1}",
        "runs: {m: {variant: nbvae, n_latnet: 3}}",
        "runs: {m: {variant: nbvae, n_latent: [3, 0]}}",
        "metrics: [iwelboo]",
        "readouts: {bounds: {n_sample: 3}}",
    ],
)
def test_the_schema_refuses_what_the_plan_refuses(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"{wrong}\n")
    schema = json.loads(generated()[CONFIGS / "study.schema.json"])
    assert not jsonschema.Draft7Validator(schema).is_valid(read_yaml(path)[0])
    place = wrong.partition(":")[0]
    assert any(finding.place.startswith(place) for finding in load_study(path).findings)
