"""Collects the records of all runs in tables: scores, runs, and missing scores."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from bench.core.dataset import Dataset
from bench.core.files import read_json
from bench.core.metric import MetricName
from bench.core.rows import RUN_KEYS, RUNS, SCORES, UNSCORED, for_spreadsheet
from bench.results import layout
from bench.results.records import Record, content_of, find_record

Row = dict[str, Any]

STAGES = {"train": layout.STATUS, "read_out": layout.READOUTS, "score": layout.SCORES}
"""The stages of a run, and the record of each."""


@dataclass(frozen=True)
class Collected:
    """The rows of the tables of a study."""

    scores: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    unscored: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Records that are missing, damaged, or made with other settings or from other results."""

    def tables(self) -> dict[str, pd.DataFrame]:
        """``scores``, ``runs`` and ``unscored``, with texts that are safe in a spreadsheet."""
        rows = {"scores": SCORES, "runs": RUNS, "unscored": UNSCORED}
        return {
            name: with_plain_reasons(pd.DataFrame(getattr(self, name), columns=list(columns)))
            for name, columns in rows.items()
        }


def collect(study: Path, runs: Iterable[Mapping[str, Any]], ended: bool) -> Collected:
    """All scores of the planned runs, and the status of each replicate.

    ``ended`` means that no job is running: stages without a record have then failed.
    """
    collected = Collected()
    for run in runs:
        records = _records(study, run, collected.missing)
        for seed in run["seeds"]:
            keys = {name: run[name] for name in RUN_KEYS if name != "seed"} | {"seed": seed}
            states = {
                stage: record and record["seeds"].get("0" if run["deterministic"] else str(seed))
                for stage, record in records.items()
            }
            became = _became(study, run, states, ended)
            collected.runs.append(keys | _costs(states["train"]) | became)
            if became["status"] == "ok":
                scored: Any = states["score"]
                collected.scores.extend(keys | row for row in scored["scores"])
                collected.unscored.extend(keys | row for row in _unscored(run, scored))
    return collected


def with_plain_reasons(table: pd.DataFrame) -> pd.DataFrame:
    """The table with reasons that a spreadsheet does not interpret as formulas."""
    if "reason" in table:
        table["reason"] = [for_spreadsheet(reason) for reason in table["reason"]]
    return table


def _records(study: Path, run: Mapping[str, Any], missing: list[str]) -> dict[str, Record | None]:
    """The record of each stage, if it matches the plan and the record of the earlier stage."""
    folder, found = study / layout.run_folder(run), dict.fromkeys(STAGES)
    problem = layout.problem_file(run["dataset"], run["task"], run["split"])
    problem_record = find_record(study / layout.record_of(problem))
    if not problem_record or problem_record["key"] != run["keys"]["problem"]:
        missing.append(str(study / problem))
        return found
    inputs: Row = {"problem": problem_record["digest"]}
    for stage, name in STAGES.items():
        record = find_record(folder / name)
        if not record or record["key"] != run["keys"][stage] or record["inputs"] != inputs:
            missing.append(str(folder / name))
            break
        found[stage] = record
        if run["shelf"] != "baselines" or stage != "train":
            link = {"train": "status", "read_out": "readouts"}.get(stage, stage)
            inputs = {"problem": inputs["problem"], link: record["digest"]}
    return found


def _became(
    study: Path, run: Mapping[str, Any], states: Mapping[str, Row | None], ended: bool
) -> Row:
    """Status, stage and reason of one replicate, from the first stage that failed."""
    for stage, state in states.items():
        if state is None:
            return _lacking(study, run, stage, ended)
        if state["status"] != "ok":
            return {"stage": stage, **{name: state[name] for name in ("status", "reason")}}
    return {"status": "ok", "stage": "", "reason": ""}


def _lacking(study: Path, run: Mapping[str, Any], stage: str, ended: bool) -> Row:
    """Reason why a stage has no record, from the note that a failed job writes next to its log."""
    for earlier in _jobs_to(stage, run):
        note = study / layout.failure_note(layout.log_of(earlier, run))
        if note.is_file():
            status = read_json(note)
            return {"stage": earlier, "status": status["status"], "reason": status["reason"]}
    if not ended:
        return {"stage": stage, "status": "pending", "reason": "not done yet"}
    reason = "its job left neither a result nor a reason: it was killed, or never started"
    return {"stage": stage, "status": "failed", "reason": reason}


def _jobs_to(stage: str, run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("fetch", "prepare", "make_problem")
    trained = "train" if run["shelf"] == "models" else "fit_baseline"
    for one in STAGES:
        yield trained if one == "train" else one
        if one == stage:
            return


def _costs(state: Row | None) -> Row:
    state = state or {}
    return {
        name: value for name, value in {**state.get("costs", {}), **state}.items() if name in RUNS
    }


def _unscored(run: Mapping[str, Any], scored: Row) -> Iterator[Row]:
    """Rows of missing scores, with the reason or because no score was written."""
    yield from scored["unscored"]
    known = {row["metric"] for row in (*scored["scores"], *scored["unscored"])}
    for metric in (MetricName.parse(name).in_tables for name in run["metrics"]):
        if metric not in known:
            yield {"metric": metric, "status": "failed", "reason": "no score was written"}


def remarks_of(study: Path, runs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """What was noticed about the problems of these runs: dataset, task, split and a sentence."""
    places = dict.fromkeys((run["dataset"], run["task"], run["split"]) for run in runs)
    rows = []
    for dataset, task, split in places:
        record = find_record(study / layout.record_of(layout.problem_file(dataset, task, split)))
        for remark in (record or {}).get("remarks", []):
            place = {"dataset": dataset, "task": task, "split": split}
            rows.append({**place, "remark": remark})
    return rows


def ranking(wanted: str, task: str, plan: Mapping[str, Any]) -> str:
    """The metric that sorts the leaderboard of a task.

    That of the task's card, or if the study lacks it, the first sound metric of the study.
    """
    used = [name for run in plan["runs"] if run["task"] == task for name in run["metrics"]]
    rows = [plan["metrics"][name] for name in dict.fromkeys(used)]
    if wanted in [row["metric"] for row in rows]:
        return wanted
    return next((row["metric"] for row in rows if row["sound"]), wanted)


def data_record(cells: Path, card: Dataset) -> Row:
    """Information for the report on one dataset; few fields if its preparation failed."""
    status = {
        "reference": card.reference,
        "licence": ", ".join(sorted({source.licence for source in card.sources})),
    }
    record = find_record(layout.record_of(cells))
    if record is None:
        return status
    with h5py.File(cells) as file:
        n_cells, n_genes = (int(n) for n in file["X"].attrs["shape"])
        repairs = json.loads(file["uns/repairs"][()])
    known = {"n_cells": n_cells, "n_genes": n_genes, "repairs": repairs}
    return {"sha256": content_of(record), "sources": record["inputs"], **known, **status}
