"""The trials of a search: which round makes which, and what a made one is as a run.

A search belongs to one dataset and one task; a row of ``searches`` of the plan says it all but the
values that are tried.  These stand in a file per round, and nowhere else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.results.keys import with_keys
from bench.results.layout import run_folder
from bench.results.records import find_record, read_record

Row = dict[str, Any]

LONGEST = ".trial-9999"
"""What a trial's label adds to its search's, at most."""


def label_of(search: str, number: int) -> str:
    """The label of a trial: of two digits at least, so that a longer search renames none."""
    return f"{search}.trial-{number:02d}"


def pattern(searches: Iterable[str]) -> str:
    """A regular expression of the labels of all their trials; without a search it matches none."""
    either = "|".join(re.escape(search) for search in searches)
    return rf"(?:{either or '(?!)'})\.trial-[0-9]+"


def number_in(run: str, search: str) -> int | None:
    """The number of a trial of this search; None where a run is none."""
    found = re.fullmatch(rf"{re.escape(search)}\.trial-([0-9]{{2,}})", run)
    return int(found[1]) if found else None


def rounds(search: Mapping[str, Any]) -> range:
    """The rounds of a search, from 1."""
    return range(1, -(-search["trials"] // search["per_round"]) + 1)


def numbers(search: Mapping[str, Any], round: int) -> range:
    """The trials that a round makes, from 1; the last round may make fewer."""
    first = (round - 1) * search["per_round"] + 1
    return range(first, min(first + search["per_round"], search["trials"] + 1))


def folder_of(search: Mapping[str, Any]) -> Path:
    """Where a search keeps its rounds, below its study's folder."""
    return Path("search", search["dataset"], search["task"], search["search"])


def round_file(search: Mapping[str, Any], round: int) -> Path:
    """What a round of a search proposed, below its study's folder."""
    return folder_of(search) / f"round-{round}.json"


def trials_file(search: Mapping[str, Any]) -> Path:
    """What all its trials came to, below its study's folder."""
    return folder_of(search) / "trials.json"


def proposed(study: Path, search: Mapping[str, Any], among: Iterable[int]) -> Iterator[Row]:
    """The trials that these rounds made: number, round, run, parameters.

    Raises FileNotFoundError where a round is not made yet.
    """
    for round in among:
        for trial in read_record(study / round_file(search, round))["trials"]:
            yield {"round": round, **trial}


def as_run(search: Mapping[str, Any], trial: Mapping[str, Any], split: int) -> Row:
    """A trial as a row of the plan: its search's, with its own name, split and parameters."""
    tried, template = trial["parameters"], search["template"]
    own = {
        part: template[part] | {key: tried[key] for key in tried if key in template[part]}
        for part in ("config", "training")
    }
    row = {**template, **own, "run": trial["run"], "swept": tried, "split": split}
    return with_keys(row, search["data_key"], search["problem_keys"][str(split)])


def files_of(
    search: Mapping[str, Any], rounds: Iterable[int], splits: int, name: str
) -> list[Path]:
    """A file of every trial of these rounds on every split, below its study's folder.

    How a trial is called is known before its round is made.
    """
    labels = [label_of(search["search"], n) for one in rounds for n in numbers(search, one)]
    return [
        folder_of_trial(search, label, n) / name for n in range(1, splits + 1) for label in labels
    ]


def folder_of_trial(search: Mapping[str, Any], label: str, split: int) -> Path:
    """Where a trial lies on a split, below its study's folder."""
    keys = {"shelf": "models", "split": split, "run": label}
    return run_folder({**search, **keys})


def found(
    searches: Iterable[Mapping[str, Any]], where: Mapping[str, Any]
) -> tuple[Mapping[str, Any], int]:
    """The search and the round that make the trial at a dataset, task and run.

    Raises KeyError where no trial goes by that name.
    """
    for search in searches:
        if all(search[key] == where[key] for key in ("dataset", "task")):
            number = number_in(where["run"], search["search"])
            for round in rounds(search):
                if number in numbers(search, round):
                    return search, round
    raise KeyError(where["run"])


def run_at(study: Path, searches: Iterable[Mapping[str, Any]], where: Mapping[str, Any]) -> Row:
    """The trial at a dataset, task, split and run, as a row of the plan; its round is made."""
    search, round = found(searches, where)
    [trial] = [one for one in proposed(study, search, [round]) if one["run"] == where["run"]]
    return as_run(search, trial, int(where["split"]))


def runs_of(study: Path, search: Mapping[str, Any], splits: int) -> list[Row]:
    """All trials of a search that were proposed so far, on all splits, as rows of the plan."""
    made = []
    for round in rounds(search):
        if find_record(study / round_file(search, round)) is None:
            break
        made += list(proposed(study, search, [round]))
    return [as_run(search, trial, split) for split in range(1, splits + 1) for trial in made]
