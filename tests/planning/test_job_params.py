"""What an edit runs again, and nothing else: what every job is given, before and after.

Snakemake runs a job again when what it is given changes, or when a job before it runs again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import catalogue
from bench.planning import fingerprint
from bench.planning.job_params import JobParams
from bench.planning.plan import make_plan
from bench.planning.study import from_config

SMALL = {"n_cells": 40, "n_genes": 10}
STUDY: dict[str, Any] = {
    "seeds": 2,
    "datasets": [{"tiny": {"dataset": "gamma_poisson", **SMALL}}],
    "tasks": ["held_out_cells"],
    "runs": {
        "nbvae": {"variant": "nbvae", "n_latent": 2, "n_hidden": 4},
        "pvae": {"variant": "pvae", "n_latent": 2, "n_hidden": 4},
    },
    "baselines": ["mean", "nmf"],
    "search": {
        "tuned": {
            "variant": "zinbvae",
            "metric": "iwelbo",
            "trials": 2,
            "n_latent": {"low": 1, "high": 9},
        }
    },
}
LABELLED: dict[str, Any] = {
    "seeds": 2,
    "datasets": ["pbmc68k_reduced"],
    "tasks": [{"few_labels": {"per_class": 5}}],
    "runs": {"scanvi": {"variant": "scanvi"}},
    "baselines": ["random_forest"],
}
"""Of the first run and not of the second a table is made for the report."""

Given = dict[str, Any]
"""What each job is given, by its rule and run."""


class Wildcards(SimpleNamespace):
    """As Snakemake's: by attribute and by name."""

    def __getitem__(self, name: str) -> str:
        return str(getattr(self, name))

    def get(self, name: str, otherwise: str) -> str:
        return getattr(self, name, otherwise)


def given(config: dict[str, Any]) -> Given:
    """What every job of a study is given."""
    jobs = JobParams(make_plan(from_config(config, "mine")))
    found: Given = {}
    for dataset in jobs.plan.datasets:
        found[f"prepare {dataset}"] = jobs.prepare(Wildcards(dataset=dataset))
        for task in jobs.plan.tasks:
            at = Wildcards(dataset=dataset, task=task)
            found[f"make_problem {dataset} {task}"] = jobs.make_problem(at)
    for run in jobs.plan.runs:
        place = {key: run[key] for key in ("dataset", "task", "run")} | {"split": str(run["split"])}
        shelf = "runs" if run["shelf"] == "models" else "baselines"
        at, name = Wildcards(shelf=shelf, **place), f"{run['run']} {run['dataset']}"
        if shelf == "runs":
            found |= {f"train {name}": jobs.train(at), f"read_out {name}": jobs.read_out(at)}
        else:
            found[f"fit {name}"] = jobs.fit(at)
        found[f"score {name}"] = jobs.score(at)
        for file in run["page_files"]:
            at = Wildcards(shelf=shelf, page_file=file, **place)
            found[f"{file} {name}"] = (jobs.page_key(at), jobs.page_inputs(at))
    for search in jobs.plan.searches:
        at = Wildcards(search=search["search"], round="1", **_place(search))
        found["propose"] = (jobs.propose(at), jobs.numbers(at), jobs.propose_key(at))
        found["select"] = (jobs.select_trial(at), jobs.select_key(at))
    return found | {"gather": jobs.gather_key(), "report": jobs.report_key()}


def _place(row: dict[str, Any]) -> dict[str, str]:
    return {key: row[key] for key in ("dataset", "task")}


def changed(before: Given, after: Given) -> set[str]:
    """The jobs that are given something else, or are new."""
    return {job for job in after if before.get(job) != after[job]}


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """Which jobs of a study are given something else after a source was edited or made."""
    package = tmp_path / "bench"
    shutil.copytree(catalogue.ROOT, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", package)
    monkeypatch.setattr(catalogue, "ROOT", package)

    def edit(name: str, study: dict[str, Any] = STUDY) -> set[str]:
        before = given(study)
        with (package / name).open("a") as source:
            source.write("\n# an edit\n")
        return changed(before, given(study))

    return edit


END = {"gather", "report"}
SEARCH = {"propose", "select"}


def of(run: str) -> set[str]:
    """All jobs of a variant."""
    return {f"{rule} {run} tiny" for rule in ("train", "read_out", "score")}


def fitted(*runs: str) -> set[str]:
    """All jobs of baselines."""
    return {f"{rule} {run} tiny" for rule in ("fit", "score") for run in runs}


ALL = of("nbvae") | of("pvae") | fitted("mean", "nmf") | {"select"} | END


@pytest.mark.parametrize(
    ("source", "jobs"),
    [
        ("models/nbvae.py", of("nbvae") | END),
        ("models/zinbvae.py", {"select"} | END),
        ("models/scvi.py", set()),
        ("baselines/mean.py", fitted("mean") | END),
        ("parts/nn/distributions.py", of("nbvae") | of("pvae") | {"select"} | END),
        ("tasks/held_out_cells.py", {"make_problem tiny held_out_cells"} | ALL),
        ("tasks/few_labels.py", set()),
        ("data/gamma_poisson.py", {"prepare tiny", "make_problem tiny held_out_cells"} | ALL),
        ("reports/_page.py", {"report"}),
        ("reports/costs.py", {"report"}),
        ("reports/template/costs.html", {"report"}),
        ("reports/new.py", {"report"}),
        ("reports/template/new.html", {"report"}),
        ("page_files/projection.py", set()),
        ("planning/search/proposals.py", {"propose"}),
    ],
)
def test_an_edited_source_changes_what_depends_on_it_and_nothing_else(
    edited: Callable[[str], set[str]], source: str, jobs: set[str]
) -> None:
    assert edited(source) == jobs


def test_an_edited_metric_scores_and_trains_nothing(edited: Callable[[str], set[str]]) -> None:
    found = edited("metrics/elbo.py")
    assert found >= {"score nbvae tiny", "score pvae tiny"}
    assert {job for job in found if not job.startswith("score")} <= SEARCH | END


def test_an_edited_table_of_single_runs_is_made_again_and_nothing_else(
    edited: Callable[..., set[str]],
) -> None:
    made = "projection.parquet scanvi pbmc68k_reduced"
    assert {job for job in given(LABELLED) if ".parquet" in job} == {made}
    assert edited("page_files/projection.py", LABELLED) == {made}
    assert edited("page_files/treatments.py", LABELLED) == set()


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        ({"title": "another"}, END),
        ({"reference": "mean"}, END),
        ({"trackers": ["wandb"]}, END),
    ],
)
def test_what_says_nothing_of_a_run_runs_none(change: dict[str, Any], jobs: set[str]) -> None:
    assert changed(given(STUDY), given(STUDY | change)) == jobs


def test_another_hyperparameter_trains_that_run_alone() -> None:
    runs = {**STUDY["runs"], "nbvae": {**STUDY["runs"]["nbvae"], "n_hidden": 5}}
    assert changed(given(STUDY), given(STUDY | {"runs": runs})) == of("nbvae") | END


def test_another_dataset_leaves_the_others_alone() -> None:
    more = {"datasets": [*STUDY["datasets"], {"other": {"dataset": "gamma_poisson", **SMALL}}]}
    found = changed(given(STUDY), given(STUDY | more))
    assert {job for job in found if "other" not in job} - SEARCH == END
    assert {job.replace("other", "tiny") for job in found if "other" in job} >= of("nbvae")


def test_another_number_of_draws_trains_nothing() -> None:
    before = given(STUDY | {"readouts": {"bounds": {"n_samples": 5}}})
    found = changed(before, given(STUDY | {"readouts": {"bounds": {"n_samples": 6}}}))
    asked = {f"{rule} {run} tiny" for rule in ("read_out", "score") for run in ("nbvae", "pvae")}
    assert found - SEARCH == asked | fitted("mean", "nmf") | END


def test_another_seed_changes_no_deterministic_baseline() -> None:
    found = changed(given(STUDY), given(STUDY | {"seeds": 3}))
    assert found - SEARCH == of("nbvae") | of("pvae") | fitted("nmf") | END


def test_more_trials_leave_the_first_rounds_alone() -> None:
    more = {"search": {"tuned": STUDY["search"]["tuned"] | {"trials": 9, "per_round": 2}}}
    first = {"search": {"tuned": STUDY["search"]["tuned"] | {"per_round": 2}}}
    assert "propose" not in changed(given(STUDY | first), given(STUDY | more))


def test_the_content_of_a_users_file_is_given_not_its_place_or_time(tmp_path: Path) -> None:
    def study(name: str, content: bytes) -> Given:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return given(STUDY | {"datasets": [{"tiny": {"path": str(path)}}]})

    first, same = study("a.h5ad", b"one"), study("b/a.h5ad", b"one")
    other = study("a.h5ad", b"two")
    runs = of("nbvae") | of("pvae") | fitted("mean", "nmf")
    assert not changed(first, same) & runs
    assert changed(first, other) >= runs | {"make_problem tiny held_out_cells"}
