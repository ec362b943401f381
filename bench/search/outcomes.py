"""What the trials of a search came to on validation, and which one is selected.

The value of a trial is the mean over splits of the mean over seeds.  One in which any seed failed
has none: a setting that works for some seeds only is not what anyone searches for.
"""

from collections.abc import Iterable, Mapping
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

from bench.core.metric import sign_of
from bench.results.layout import VALIDATION
from bench.results.records import read_record
from bench.search.trials import folder_of_trial, proposed

Row = dict[str, Any]


class Outcome(NamedTuple):
    """What became of a trial."""

    trial: Row
    """As proposed: number, round, run, parameters."""
    value: float | None
    """Its validation value; none where a seed failed."""
    status: str
    reason: str
    """Empty where nothing failed."""


def outcomes(
    study: Path, search: Mapping[str, Any], rounds: Iterable[int], splits: int
) -> list[Outcome]:
    """What all trials of these rounds came to, by number."""
    found = []
    for trial in proposed(study, search, rounds):
        folders = [folder_of_trial(search, trial["run"], n) for n in range(1, splits + 1)]
        records = [read_record(study / folder / VALIDATION) for folder in folders]
        found.append(outcome(trial, records))
    return found


def made_from(
    study: Path, search: Mapping[str, Any], rounds: Iterable[int], splits: int
) -> dict[str, str]:
    """The digests of the validation records of these rounds' trials, by their paths."""
    runs = [trial["run"] for trial in proposed(study, search, rounds)]
    folders = [folder_of_trial(search, run, n) for run in runs for n in range(1, splits + 1)]
    files = [folder / VALIDATION for folder in folders]
    return {str(file): read_record(study / file)["digest"] for file in files}


def outcome(trial: Row, records: Iterable[Mapping[str, Any]]) -> Outcome:
    """What a trial came to, from its record on every split."""
    means = []
    for split, record in enumerate(records, start=1):
        for seed, failure in sorted(record["failures"].items(), key=lambda item: int(item[0])):
            reason = f"split {split}, seed {seed}: {failure['reason']}"
            return Outcome(trial, None, failure["status"], reason)
        values = record["values"].values()
        means.append(fsum(values) / len(values))
    return Outcome(trial, fsum(means) / len(means), "ok", "")


def best(found: Iterable[Outcome], better: str) -> Outcome | None:
    """The trial of the best value, the first of several; none where all failed."""
    sign = sign_of(better)
    known = [
        (-sign * one.value, one.trial["number"], one) for one in found if one.value is not None
    ]
    return min(known, key=lambda entry: entry[:2])[2] if known else None


def table(search: Mapping[str, Any], found: list[Outcome]) -> list[Row]:
    """A row per trial, as ``search.csv`` shows it."""
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
