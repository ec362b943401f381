"""A search is made in rounds, goes on where it was cut off, and repeats nothing that is done."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from workspace import Workspace, edited, jobs_in, trained, wait_for

from bench.results.settings import read_settings

pytestmark = pytest.mark.slow

SEARCH: dict[str, Any] = {
    "variant": "pvae",
    "metric": "iwelbo",
    "trials": 4,
    "per_round": 2,
    "n_hidden": 4,
    "n_latent": {"low": 1, "high": 9},
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
}
STUDY: dict[str, Any] = {
    "seeds": 1,
    "datasets": [{"tiny": {"dataset": "gamma_poisson", "n_cells": 40, "n_genes": 10}}],
    "tasks": ["held_out_cells"],
    "training": {"max_epochs": 1, "batch_size": 16},
    "readouts": {"bounds": {"n_samples": 2}},
    "metrics": ["elbo"],
}
END = {
    "Selecting a trial of tuned on tiny, held_out_cells",
    "Gathering all scores",
    "Writing the report: results/mine/report.html",
}
TRIALS = [f"tuned.trial-0{n}" for n in range(1, 5)]


def study(search: Mapping[str, Any] = SEARCH, **changes: Any) -> dict[str, Any]:
    return {**STUDY, "search": {"tuned": dict(search)}, **changes}


def of_trials(*verbs: str, runs: list[str] = TRIALS) -> set[str]:
    """The messages of these jobs of these trials."""
    return {f"{verb} {run} on tiny, held_out_cells" for verb in verbs for run in runs}


def rounds(*numbers: int) -> set[str]:
    return {f"Proposing round {n} of tuned on tiny, held_out_cells" for n in numbers}


def table(workspace: Workspace) -> pd.DataFrame:
    """``search.csv``."""
    return pd.read_csv(workspace.study / "search.csv")


def with_study(workspace: Workspace, changed: Mapping[str, Any]) -> set[str]:
    """What another text of the same study would run."""
    path = workspace.folder / "configs" / "mine.yaml"
    before = path.read_text()
    workspace.write(changed)
    try:
        return workspace.planned()
    finally:
        path.write_text(before)


def identities(folder: Path, *names: str) -> dict[str, tuple[int, int]]:
    """Which files these are, and when they were written."""
    states = {name: (folder / name).stat() for name in names}
    return {name: (state.st_ino, state.st_mtime_ns) for name, state in states.items()}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A search of four trials with its report; tests leave it as they found it."""
    workspace = Workspace(tmp_path_factory.mktemp("searched"))
    workspace.write(study())
    planned = workspace.planned()
    said = workspace.run()
    # What a search will do is known before its first round was made.
    assert planned == jobs_in(said)
    return workspace


def test_every_trial_is_a_run_and_a_row(searched: Workspace) -> None:
    shown, results = table(searched), searched.study
    assert shown["run"].tolist() == TRIALS
    assert shown["round"].tolist() == [1, 1, 2, 2]
    assert set(shown["status"]) == {"ok"}
    assert shown.loc[shown["selected"], "value"].tolist() == [shown["value"].max()]
    assert searched.runs()["run"].tolist() == TRIALS
    assert set(searched.scores()["run"]) == set(TRIALS)
    plan = pd.read_csv(results / "plan.csv")
    assert plan["n_latent"].tolist() == shown["n_latent"].tolist()
    assert plan["learning_rate"].tolist() == shown["learning_rate"].tolist()
    # The metric it selects by need not be one of the study's.
    assert set(searched.scores()["metric"]) == {"elbo"}


def test_a_second_time_nothing_is_done(searched: Workspace) -> None:
    assert searched.planned() == set()


def test_a_new_metric_proposes_and_trains_nothing(searched: Workspace) -> None:
    assert with_study(searched, study(metrics=["elbo", "iwelbo"])) == of_trials("Scoring") | END


def test_an_edited_variant_trains_its_trials_again(searched: Workspace) -> None:
    """Those of the second round are looked at when that is made."""
    with edited(searched.folder / "bench/models/pvae.py"):
        first = of_trials("Training", "Reading out", "Scoring", runs=TRIALS[:2])
        assert searched.planned() == first | rounds(2) | END


def test_another_range_is_proposed_anew(searched: Workspace) -> None:
    changed = SEARCH | {"n_latent": {"low": 1, "high": 5}}
    assert with_study(searched, study(changed)) >= rounds(1, 2) | END


@pytest.mark.nightly
def test_an_edit_that_changes_no_proposal_trains_nothing(searched: Workspace) -> None:
    """Rounds are made again; their trials are looked at again, and found to be done."""
    shown, place = table(searched), searched.study
    names = [f"runs/tiny/held_out_cells/1/{run}/status.json" for run in TRIALS]
    before = identities(place, *names)
    with edited(searched.folder / "bench/planning/search/proposals.py"):
        done = jobs_in(searched.run())
        assert done >= rounds(1, 2)
        assert not done & of_trials("Training", "Reading out", "Scoring")
        assert searched.planned() == set()
    assert identities(place, *names) == before
    pd.testing.assert_frame_equal(table(searched), shown)
    # Back to the code as it was, for the other tests.
    searched.run()


def test_more_trials_leave_the_first_ones_alone(searched: Workspace) -> None:
    changed = study(SEARCH | {"trials": 6})
    new = of_trials("Training", "Reading out", "Scoring", runs=["tuned.trial-05", "tuned.trial-06"])
    assert with_study(searched, changed) == rounds(3) | new | END


MINE = """
from dataclasses import replace

from bench.models.pvae import VARIANT as PLAIN

VARIANT = replace(PLAIN, label="Mine")
"""


@pytest.mark.nightly
def test_what_is_done_again_agrees_with_what_was_proposed(workspace: Workspace) -> None:
    """A round that is made anew takes its trials with it, in the same invocation."""
    (workspace.folder / "mine.py").write_text(MINE)
    mine = SEARCH | {"variant": "mine.py", "trials": 2, "per_round": 1}
    workspace.write(study(mine))
    workspace.run()
    workspace.write(study(mine | {"n_latent": {"low": 11, "high": 19}}))
    assert trained(workspace.run()) == set(TRIALS[:2])
    check_trials(workspace)
    assert table(workspace)["n_latent"].between(11, 19).all()
    (workspace.folder / "mine.py").write_text(MINE + "# edited\n")
    assert trained(workspace.run()) == set(TRIALS[:2])
    check_trials(workspace)
    assert workspace.planned() == set()


def check_trials(workspace: Workspace) -> None:
    """Every trial ran with what its round proposed, and is worth what it came to."""
    for row in table(workspace).itertuples():
        place = f"runs/tiny/held_out_cells/1/{row.run}"
        settings = read_settings(workspace.study / place)
        assert settings["config"]["n_latent"] == row.n_latent
        assert workspace.record(f"{place}/validation.json")["values"]["0"] == row.value


BREAKS = """
from dataclasses import replace

from bench.models.pvae import PVAE, VARIANT as PLAIN


class Breaks(PVAE):
    def __init__(self, facts, config):
        if config.n_latent < 4:
            raise RuntimeError("too few latents")
        super().__init__(facts, config)


VARIANT = replace(PLAIN, label="Breaks", build=Breaks)
"""


@pytest.mark.nightly
def test_a_search_whose_trials_fail_goes_on(workspace: Workspace) -> None:
    (workspace.folder / "breaks.py").write_text(BREAKS)
    body = SEARCH | {"variant": "breaks.py", "trials": 2, "per_round": 1}
    workspace.write(study(body | {"n_latent": {"low": 1, "high": 3}}))
    workspace.run()
    shown = table(workspace)
    assert shown["status"].tolist() == ["failed", "failed"]
    assert shown["reason"].str.contains("split 1, seed 0: .*too few latents").all()
    assert shown["value"].isna().all()
    assert not shown["selected"].any()
    assert set(workspace.runs()["status"]) == {"failed"}


def finished(place: Path) -> list[str]:
    """The trials whose jobs are all done: those whose scores stand there."""
    return sorted(path.parent.name for path in place.glob("*/scores.json"))


@pytest.mark.nightly
def test_a_killed_search_goes_on_and_repeats_no_finished_trial(workspace: Workspace) -> None:
    """Twenty trials on two cores, killed whole in the middle."""
    workspace.write(study(SEARCH | {"trials": 20, "per_round": 10}))
    begun = workspace.begin()
    place = workspace.study / "runs/tiny/held_out_cells/1"
    wait_for(lambda: len(finished(place)) >= 6)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()
    done = finished(place)
    assert 6 <= len(done) < 20
    names = [f"{run}/{file}" for run in done for file in ("status.json", "validation.json")]
    before = identities(place, *names)

    said = workspace.run()
    assert identities(place, *names) == before
    assert trained(said)
    assert not trained(said) & set(done)
    shown = table(workspace)
    assert shown["trial"].tolist() == list(range(1, 21))
    assert set(shown["status"]) == {"ok"}
    assert shown["selected"].sum() == 1
    assert shown.loc[shown["selected"], "value"].tolist() == [shown["value"].max()]
    assert workspace.planned() == set()
