"""The trials of a search: their rounds, and their rows as runs of the plan.

A search belongs to one dataset and one task; its row of ``searches`` in the plan has all
information except the proposed values, which are in one file per round.
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
"""The longest suffix of a trial's label."""


def label_of(search: str, number: int) -> str:
    """The label of a trial, with at least two digits, so that a longer search keeps the names."""
    return f"{search}.trial-{number:02d}"


def pattern(searches: Iterable[str]) -> str:
    """A regular expression for the labels of all trials; without a search it matches nothing."""
    either = "|".join(re.escape(search) for search in searches)
    return rf"(?:{either or '(?!)'})\.trial-[0-9]+"


def number_in(run: str, search: str) -> int | None:
    """The number of a trial of this search; None for other runs."""
    found = re.fullmatch(rf"{re.escape(search)}\.trial-([0-9]{{2,}})", run)
    return int(found[1]) if found else None


def rounds(search: Mapping[str, Any]) -> range:
    """The rounds of a search, from 1."""
    return range(1, -(-search["trials"] // search["per_round"]) + 1)


def numbers(search: Mapping[str, Any], round: int) -> range:
    """The trial numbers of a round, from 1; the last round may have fewer."""
    first = (round - 1) * search["per_round"] + 1
    return range(first, min(first + search["per_round"], search["trials"] + 1))


def folder_of(search: Mapping[str, Any]) -> Path:
    """The folder of the rounds of a search, below the folder of the study."""
    return Path("search", search["dataset"], search["task"], search["search"])


def round_file(search: Mapping[str, Any], round: int) -> Path:
    """The file of the proposals of a round, below the folder of the study."""
    return folder_of(search) / f"round-{round}.json"


def trials_file(search: Mapping[str, Any]) -> Path:
    """The file of the results of all trials, below the folder of the study."""
    return folder_of(search) / "trials.json"


def proposed(study: Path, search: Mapping[str, Any], among: Iterable[int]) -> Iterator[Row]:
    """The trials of these rounds: number, round, run, parameters.

    Raises FileNotFoundError if a round does not exist yet.
    """
    for round in among:
        for trial in read_record(study / round_file(search, round))["trials"]:
            yield {"round": round, **trial}


def as_run(search: Mapping[str, Any], trial: Mapping[str, Any], split: int) -> Row:
    """A trial as a row of the plan: the row of its search with its name, split and parameters."""
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
    """A file of every trial of these rounds on every split, below the folder of the study.

    The names of trials are known before their round exists.
    """
    labels = [label_of(search["search"], n) for one in rounds for n in numbers(search, one)]
    return [
        folder_of_trial(search, label, n) / name for n in range(1, splits + 1) for label in labels
    ]


def folder_of_trial(search: Mapping[str, Any], label: str, split: int) -> Path:
    """The folder of a trial on a split, below the folder of the study."""
    keys = {"shelf": "models", "split": split, "run": label}
    return run_folder({**search, **keys})


def found(
    searches: Iterable[Mapping[str, Any]], where: Mapping[str, Any]
) -> tuple[Mapping[str, Any], int]:
    """The search and the round of the trial with this dataset, task and run.

    Raises KeyError if no trial has that name.
    """
    for search in searches:
        if all(search[key] == where[key] for key in ("dataset", "task")):
            number = number_in(where["run"], search["search"])
            for round in rounds(search):
                if number in numbers(search, round):
                    return search, round
    raise KeyError(where["run"])


def run_at(study: Path, searches: Iterable[Mapping[str, Any]], where: Mapping[str, Any]) -> Row:
    """The trial with this dataset, task, split and run, as a row of the plan; its round exists."""
    search, round = found(searches, where)
    [trial] = [one for one in proposed(study, search, [round]) if one["run"] == where["run"]]
    return as_run(search, trial, int(where["split"]))


def runs_of(study: Path, search: Mapping[str, Any], splits: int) -> list[Row]:
    """All trials of a search proposed so far, on all splits, as rows of the plan."""
    made = []
    for round in rounds(search):
        if find_record(study / round_file(search, round)) is None:
            break
        made += list(proposed(study, search, [round]))
    return [as_run(search, trial, split) for split in range(1, splits + 1) for trial in made]
