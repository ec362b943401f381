"""From records to tables: only what the plan asks for counts, and what is missing says why."""

from pathlib import Path
from typing import Any

import pytest

from bench.core.files import write_json
from bench.results import layout
from bench.results.collect import collect, ranking
from bench.results.digests import Digests
from bench.results.integrity import made_from, repair
from bench.results.records import read_record, write_record

METRICS = {
    "old": {"metric": "old", "sound": False},
    "purity": {"metric": "purity", "sound": True},
    "./mine.py": {"metric": "mine", "sound": True},
    "total": {"metric": "total", "sound": True},
}


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        (["old", "purity", "total"], "total"),
        (["old", "purity"], "purity"),
        (["./mine.py", "purity"], "mine"),
        (["old"], "total"),
    ],
)
def test_a_task_is_ranked_by_its_own_metric_or_the_first_sound_one(
    scored: list[str], expected: str
) -> None:
    runs = [{"task": "t", "metrics": scored}, {"task": "other", "metrics": ["total"]}]
    assert ranking("total", "t", {"runs": runs, "metrics": METRICS}) == expected


KEYS = {stage: stage for stage in ("data", "problem", "train", "read_out", "score")}
RUN: dict[str, Any] = {
    **{"shelf": "models", "dataset": "d", "task": "t", "split": 1, "run": "r", "model": "m"},
    **{"seeds": [0, 1], "deterministic": False, "metrics": ["elbo", "mine.py"], "keys": KEYS},
}
OK = {"status": "ok", "costs": {"train_seconds": 2.0}, "epochs": 3}


def write_all(study: Path, run: dict[str, Any] = RUN, seeds: tuple[int, ...] = (0, 1)) -> None:
    """The records of a run that went well, each made from the one above."""
    keys = run["keys"]
    data = write_record(study / "data/d.json", {"key": keys["data"], "inputs": {}, "files": {}})
    above = {"data": data["digest"]}
    posed = {"key": keys["problem"], "inputs": above, "files": {}}
    digest = write_record(study / "problems/d/t/1.json", posed)["digest"]
    inputs = {"problem": digest}
    for stage, name in (("train", "status"), ("read_out", "readouts"), ("score", "scores")):
        said: dict[str, Any] = dict(OK)
        if stage == "score":
            scored = {"metric": "elbo", "value": -1.0}
            said = {"status": "ok", "scores": [scored], "unscored": []}
        record = {"key": keys[stage], "inputs": inputs, "files": {}}
        record["seeds"] = {str(seed): said for seed in seeds}
        made = write_record(study / "runs/d/t/1/r" / f"{name}.json", record)
        inputs = {"problem": digest, name: made["digest"]}


def test_what_went_well_is_a_row_and_its_scores(tmp_path: Path) -> None:
    write_all(tmp_path)
    found = collect(tmp_path, [RUN], ended=True)
    assert not found.missing
    assert [row["status"] for row in found.runs] == ["ok", "ok"]
    assert [row["train_seconds"] for row in found.runs] == [2.0, 2.0]
    assert [(row["seed"], row["value"]) for row in found.scores] == [(0, -1.0), (1, -1.0)]


def test_a_score_that_is_due_and_missing_is_a_failure(tmp_path: Path) -> None:
    write_all(tmp_path)
    unscored = collect(tmp_path, [RUN], ended=True).unscored
    assert {(row["metric"], row["status"], row["reason"]) for row in unscored} == {
        ("mine", "failed", "no score was written")
    }


@pytest.mark.parametrize("stage", ["data", "problem", "train", "read_out", "score"])
def test_a_result_of_another_plan_is_refused_and_made_again(tmp_path: Path, stage: str) -> None:
    """Whatever lies upstream of it was planned otherwise."""
    write_all(tmp_path)
    below = list(KEYS)[list(KEYS).index(stage) :]
    other = RUN | {"keys": KEYS | dict.fromkeys(below, "another")}
    assert collect(tmp_path, [other], ended=True).missing
    repair(tmp_path, [other], [], Digests(tmp_path / "digests"))
    found = collect(tmp_path, [other], ended=True)
    assert found.missing
    assert not found.scores
    assert {row["status"] for row in found.runs} == {"failed"}


@pytest.mark.parametrize("name", ["problems/d/t/1", "runs/d/t/1/r/status", "runs/d/t/1/r/readouts"])
def test_a_result_made_from_other_results_is_refused(tmp_path: Path, name: str) -> None:
    """As where something above it was made again, and came out otherwise."""
    write_all(tmp_path)
    record = read_record(tmp_path / f"{name}.json")
    del record["digest"]
    write_record(tmp_path / f"{name}.json", record | {"said": "something else"})
    found = collect(tmp_path, [RUN], ended=True)
    assert found.missing
    assert not found.scores


def test_a_sound_study_is_left_alone(tmp_path: Path) -> None:
    write_all(tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.json")}
    assert repair(tmp_path, [RUN], [], Digests(tmp_path / "digests")) == []
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.json")} == before


def tables_of(study: Path, runs: list[dict[str, Any]], key: str = "k") -> list[tuple[Path, str]]:
    """Records of tables and page that were made from these runs."""
    made = {"key": key, "made_from": made_from(study, runs), "files": {}}
    write_record(study / layout.GATHERED, made)
    write_record(study / layout.REPORTED, {"key": key, "files": {}})
    return [(study / layout.GATHERED, key), (study / layout.REPORTED, key)]


@pytest.mark.parametrize("change", ["none", "result", "plan", "run"])
def test_tables_of_other_results_or_of_another_plan_are_made_again(
    tmp_path: Path, change: str
) -> None:
    """Whatever Snakemake remembers: a copied folder, a smaller study, a job that was done alone."""
    write_all(tmp_path)
    tables, runs = tables_of(tmp_path, [RUN]), [RUN]
    if change == "result":
        write_all(tmp_path, seeds=(0, 1, 2))
    elif change == "plan":
        tables = [(path, "another") for path, _ in tables]
    elif change == "run":
        runs = []
    digests = Digests(tmp_path / "digests")
    assert repair(tmp_path, runs, tables, digests, remove=False) == []
    assert all(path.is_file() for path, _ in tables)
    repair(tmp_path, runs, tables, digests)
    assert {path.is_file() for path, _ in tables} == {change == "none"}


def test_seeds_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    write_all(tmp_path)
    more = RUN | {"seeds": [0, 1, 2]}
    repair(tmp_path, [more], [], Digests(tmp_path / "digests"))
    assert not (tmp_path / "runs/d/t/1/r/status.json").exists()


def test_fewer_seeds_are_a_part_of_what_is_there(tmp_path: Path) -> None:
    write_all(tmp_path, seeds=(0, 1, 2))
    assert repair(tmp_path, [RUN], [], Digests(tmp_path / "digests")) == []
    found = collect(tmp_path, [RUN], ended=True)
    assert [row["seed"] for row in found.runs] == [0, 1]


@pytest.mark.parametrize("ended", [True, False])
def test_what_is_not_there_has_failed_or_is_not_done_yet(tmp_path: Path, ended: bool) -> None:
    found = collect(tmp_path, [RUN], ended=ended)
    assert {row["status"] for row in found.runs} == {"failed" if ended else "pending"}
    assert {row["stage"] for row in found.runs} == {"train"}


@pytest.mark.parametrize("stage", ["fetch", "prepare", "make_problem", "train"])
def test_a_job_that_failed_says_why_for_all_that_needed_it(tmp_path: Path, stage: str) -> None:
    note = layout.failure_note(tmp_path / layout.log_of(stage, RUN))
    note.parent.mkdir(parents=True)
    write_json(note, {"status": "failed", "reason": "=because", "log_tail": ""})
    table = collect(tmp_path, [RUN], ended=True).tables()["runs"]
    assert set(table["stage"]) == {stage}
    # As text, also for a spreadsheet.
    assert set(table["reason"]) == {"'=because"}
