"""From the records of single runs to the tables of a study: ``scores`` and ``runs``."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from bench.core.dataset import Dataset
from bench.core.files import read_json
from bench.core.rows import RUN_KEYS, RUNS, SCORES
from bench.reports.provenance import sha256_of


def folder_of(run: Mapping[str, Any]) -> Path:
    """Where a run lives below its study's folder."""
    shelf = "runs" if run["shelf"] == "models" else "baselines"
    return Path(shelf, run["dataset"], run["task"], str(run["split"]), run["run"])


def collect(study: Path, runs: Iterable[Mapping[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All scores and all runs of a study, one row per score and one per run, split and seed."""
    scores: list[dict[str, Any]] = []
    states: list[dict[str, Any]] = []
    for run in runs:
        folder = study / folder_of(run)
        stages = [read_json(folder / name) for name in ("status.json", "readouts.json")]
        scored = read_json(folder / "scores.json")
        for seed in run["seeds"]:
            keys = {name: run[name] for name in RUN_KEYS if name != "seed"} | {"seed": seed}
            states.append(keys | _state(seed, stages, scored))
            scores += [keys | score for score in scored["scores"] if score["seed"] == seed]
    return pd.DataFrame(scores, columns=list(SCORES)), pd.DataFrame(states, columns=list(RUNS))


def _state(seed: int, stages: list[dict[str, Any]], scored: dict[str, Any]) -> dict[str, Any]:
    """What became of one seed: the first stage that did not end well says why."""
    costs = {**stages[0]["costs"], **stages[0]["seeds"].get(str(seed), {})}
    for stage in stages:
        mine = stage["seeds"].get(str(seed), stage)
        for record in (stage, mine):
            if record.get("status", "ok") != "ok":
                return costs | {"status": record["status"], "reason": record["reason"]}
    failures = [f for f in scored["failures"] if f["seed"] == seed]
    if failures:
        reason = "; ".join(f"{f['metric']}: {f['reason']}" for f in failures)
        return costs | {"status": "failed", "reason": reason}
    return costs | {"status": "ok", "reason": ""}


def ranking(wanted: str, task: str, plan: Mapping[str, Any]) -> str:
    """The metric a task's leaderboard is sorted by.

    The task's own, or where the study does not score it the first sound one that it does.
    """
    used = [name for run in plan["runs"] if run["task"] == task for name in run["metrics"]]
    rows = [plan["metrics"][name] for name in dict.fromkeys(used)]
    if wanted in [row["metric"] for row in rows]:
        return wanted
    return next((row["metric"] for row in rows if row["sound"]), wanted)


def data_record(cells: Path, card: Dataset) -> dict[str, Any]:
    """What the report says of one prepared dataset."""
    with h5py.File(cells) as file:
        n_cells, n_genes = (int(n) for n in file["X"].attrs["shape"])
        repairs = json.loads(file["uns/repairs"][()])
    return {
        "sha256": sha256_of(cells),
        "n_cells": n_cells,
        "n_genes": n_genes,
        "repairs": repairs,
        "reference": card.reference,
        "licence": ", ".join(sorted({source.licence for source in card.sources})),
    }
