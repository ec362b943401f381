"""Validation values of the trials of a search, and the selection of the best trial.

The value of a trial is the mean over splits of the mean over seeds.  A trial with a failed seed has
no value: a mean over the other seeds would favour settings that work for some seeds only.
"""

from collections.abc import Iterable, Mapping
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

from bench.core.metric import sign_of
from bench.planning.search.trials import folder_of_trial, proposed
from bench.results.layout import VALIDATION
from bench.results.records import read_record

Row = dict[str, Any]


class Outcome(NamedTuple):
    """The result of a trial."""

    trial: Row
    """The proposed trial: number, round, run, parameters."""
    value: float | None
    """Its validation value; None if a seed failed."""
    status: str
    reason: str
    """Reason of the failure; empty without one."""


def outcomes(
    study: Path, search: Mapping[str, Any], rounds: Iterable[int], splits: int
) -> list[Outcome]:
    """The results of all trials of these rounds, by number."""
    found = []
    for trial in proposed(study, search, rounds):
        folders = [folder_of_trial(search, trial["run"], n) for n in range(1, splits + 1)]
        records = [read_record(study / folder / VALIDATION) for folder in folders]
        found.append(outcome(trial, records))
    return found


def made_from(
    study: Path, search: Mapping[str, Any], rounds: Iterable[int], splits: int
) -> dict[str, str]:
    """The digests of the validation records of the trials of these rounds, by path."""
    runs = [trial["run"] for trial in proposed(study, search, rounds)]
    folders = [folder_of_trial(search, run, n) for run in runs for n in range(1, splits + 1)]
    files = [folder / VALIDATION for folder in folders]
    return {str(file): read_record(study / file)["digest"] for file in files}


def outcome(trial: Row, records: Iterable[Mapping[str, Any]]) -> Outcome:
    """The result of a trial, from its records on all splits."""
    means = []
    for split, record in enumerate(records, start=1):
        for seed, failure in sorted(record["failures"].items(), key=lambda item: int(item[0])):
            reason = f"split {split}, seed {seed}: {failure['reason']}"
            return Outcome(trial, None, failure["status"], reason)
        values = record["values"].values()
        means.append(fsum(values) / len(values))
    return Outcome(trial, fsum(means) / len(means), "ok", "")


def best(found: Iterable[Outcome], better: str) -> Outcome | None:
    """The trial with the best value, the first of ties; None if all failed."""
    sign = sign_of(better)
    known = [
        (-sign * one.value, one.trial["number"], one) for one in found if one.value is not None
    ]
    return min(known, key=lambda entry: entry[:2])[2] if known else None


def table(search: Mapping[str, Any], found: list[Outcome]) -> list[Row]:
    """One row per trial, for ``search.csv``."""
    selected = best(found, search["better"])
    keys = {key: search[key] for key in ("search", "dataset", "task", "metric", "better")}
    return [
        {
            **keys,
            "trial": one.trial["number"],
            **{key: one.trial[key] for key in ("round", "run")},
            "status": one.status,
            "reason": one.reason,
            "value": one.value,
            "selected": one is selected,
            "parameters": one.trial["parameters"],
        }
        for one in found
    ]
