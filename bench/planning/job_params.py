"""Files and parameters of jobs, from the plan and the wildcards of a rule.

Snakemake repeats a job if its parameters change.  The parameters contain the key of everything
upstream (:mod:`bench.results.keys`), so a change upstream repeats the job even if files of earlier
jobs are missing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.planning.plan_record import Plan
from bench.planning.search import trials
from bench.results import layout
from bench.results.keys import (
    dataset_key,
    fit_params,
    key_of,
    read_out_params,
    score_params,
    train_params,
)

Row = dict[str, Any]
Wildcards = Any
"""Snakemake's wildcards: attributes and items by name."""


class JobParams:
    """Files and parameters for one plan; its results are in ``results/<study>``."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.study = plan, layout.study_folder(plan.name)
        self.runs = {str(layout.run_folder(run)): run for run in plan.runs}
        self.searches = {str(trials.folder_of(row)): row for row in plan.searches}

    # Data and problems.

    def user_files(self, wildcards: Wildcards) -> list[str]:
        """The user's files of counts; their content decides whether a job runs again."""
        return list(self.plan.datasets[wildcards.dataset]["contents"])

    def fetched(self, wildcards: Wildcards) -> list[str]:
        """The record of a dataset's downloads; empty without downloads."""
        remote = self.plan.datasets[wildcards.dataset]["remote"]
        return [str(layout.fetched_record(wildcards.dataset))] if remote else []

    def fetch(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that fetches a dataset."""
        row = self.plan.datasets[wildcards.dataset]
        return {name: row[name] for name in ("dataset", "fetch_code")}

    def prepare(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that prepares a dataset."""
        row = self.plan.datasets[wildcards.dataset]
        names = ("dataset", "config", "contents", "code", "fetch_code")
        return {name: row[name] for name in names}

    def make_problem(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that makes a problem, including the key of the dataset."""
        row = self.plan.tasks[wildcards.task]
        data = dataset_key(self.plan.datasets[wildcards.dataset])
        return {name: row[name] for name in ("task", "config", "code")} | {"data": data}

    # Runs.

    def run(self, shelf: str, wildcards: Wildcards) -> Row:
        """A run of the plan, or a trial of a search, with settings from the file of its round."""
        found = self.runs.get(self._place(shelf, wildcards))
        return found or trials.run_at(self.study, self.plan.searches, wildcards)

    def train(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that trains."""
        return train_params(self.run("runs", wildcards))

    def read_out(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that computes readouts."""
        return read_out_params(self.run("runs", wildcards))

    def fit(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that fits a baseline."""
        return fit_params(self.run("baselines", wildcards))

    def score(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that scores."""
        return score_params(self.run(wildcards.shelf, wildcards))

    def page_file_pattern(self) -> str:
        """A regular expression of the files that are made of single runs for the report."""
        return "|".join(map(re.escape, self.plan.page_files)) or "(?!)"

    def page_inputs(self, wildcards: Wildcards) -> dict[str, str]:
        """What such a file is made from: the readouts of its run, and what its card reads."""
        run = self.run(wildcards.shelf, wildcards)
        paths = {
            "readouts": layout.run_folder(run) / layout.READOUTS,
            "problem": layout.problem_file(run["dataset"], run["task"], run["split"]),
            "cells": layout.data_file(run["dataset"]),
        }
        names = ("readouts", *self.plan.page_files[wildcards.page_file])
        return {name: str(self.study / paths[name]) for name in names}

    def page_key(self, wildcards: Wildcards) -> str:
        """The key of such a file."""
        return self._page_key(self.run(wildcards.shelf, wildcards), wildcards.page_file)

    def _page_key(self, run: Row, file: str) -> str:
        return key_of("page_file", file, run["keys"]["read_out"], self.plan.code[file])

    def round_of(self, wildcards: Wildcards) -> list[str]:
        """The file of the round that proposed a trial; empty for a run of the plan."""
        shelf = wildcards.get("shelf", "runs")
        if self._place(shelf, wildcards) in self.runs:
            return []
        search, number = trials.found(self.plan.searches, wildcards)
        return [str(self.study / trials.round_file(search, number))]

    # Searches.

    def search(self, wildcards: Wildcards) -> Row:
        """The row of a search."""
        parts = ("search", wildcards.dataset, wildcards.task, wildcards.search)
        return self.searches["/".join(parts)]

    def propose(self, wildcards: Wildcards) -> Row:
        """Inputs of a round, without the number of trials: more trials keep the earlier rounds."""
        names = ("search", "dataset", "task", "better", "space")
        return {name: self.search(wildcards)[name] for name in names}

    def numbers(self, wildcards: Wildcards) -> list[int]:
        """The numbers of the trials of a round."""
        return list(trials.numbers(self.search(wildcards), int(wildcards.round)))

    def propose_key(self, wildcards: Wildcards) -> str:
        """The key of a round, from its search space; its record has the values of its trials."""
        made = (self.propose(wildcards), self.numbers(wildcards), self.plan.splits)
        return key_of("propose", made, self.plan.code["propose"])

    def select_trial(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that selects a trial."""
        search = self.search(wildcards)
        return {name: search[name] for name in search if name not in ("template", "space")}

    def select_key(self, wildcards: Wildcards) -> str:
        """The key of a search's table."""
        return key_of("select_trial", self.search(wildcards), self.plan.code["select_trial"])

    def rounds_before(self, wildcards: Wildcards) -> range:
        """The rounds before this round."""
        return range(1, int(wildcards.round))

    def all_rounds(self, wildcards: Wildcards) -> range:
        """All rounds of a search."""
        return trials.rounds(self.search(wildcards))

    def round_files(self, rounds: Callable[[Wildcards], range]) -> Callable[[Wildcards], list[str]]:
        """The files of these rounds."""

        def files(wildcards: Wildcards) -> list[str]:
            search = self.search(wildcards)
            return [str(self.study / trials.round_file(search, n)) for n in rounds(wildcards)]

        return files

    def trial_files(
        self, rounds: Callable[[Wildcards], range], name: str
    ) -> Callable[[Wildcards], list[str]]:
        """A file of every trial of these rounds, on every split."""

        def files(wildcards: Wildcards) -> list[str]:
            which = (self.search(wildcards), rounds(wildcards), self.plan.splits, name)
            return [str(self.study / file) for file in trials.files_of(*which)]

        return files

    # The study.

    def gather_key(self) -> str:
        """The key of the tables: the whole plan except the digests of the other rules."""
        planned = {name: value for name, value in self.plan.as_data().items() if name != "code"}
        return key_of("gather", planned, self.plan.code["gather"])

    def report_key(self) -> str:
        """The key of the report."""
        return key_of("report", self.gather_key(), self.plan.code["report"])

    def tracker(self, wildcards: Wildcards) -> Row:
        """Parameters of the rule that exports to a tracker."""
        return self.plan.trackers[wildcards.tracker]

    def records(self) -> list[str]:
        """The records of all jobs before the tables; the tables require every one of them."""
        data = [layout.record_of(layout.data_file(name)) for name in self.plan.datasets]
        problems = dict.fromkeys(
            layout.record_of(layout.problem_file(run["dataset"], run["task"], run["split"]))
            for run in (*self.plan.runs, *self._trials())
        )
        of_runs = [Path(folder, name) for folder in self.runs for name in layout.OF_A_RUN]
        searched = [file for search in self.plan.searches for file in self._search_files(search)]
        return [str(self.study / path) for path in (*data, *problems, *of_runs, *searched)]

    def records_of_study(self) -> Iterator[tuple[Path, str | None]]:
        """Records that belong to no stage of a run, with the keys they must carry.

        A search's records hold what they were made from instead of one key for all.
        """
        for path in sorted(self.study.glob("search/*/*/*/*.json")):
            yield path, None
        for folder, run in self.runs.items():
            for name in run["page_files"]:
                path = self.study / folder / name
                yield layout.page_record(path), self._page_key(run, name)
        yield self.study / layout.GATHERED, self.gather_key()
        yield self.study / layout.REPORTED, self.report_key()

    def page_records(self) -> list[str]:
        """The records of the files that are made of single runs for the report."""
        return [str(layout.page_record(Path(path))) for path in self.page_files()]

    def page_files(self) -> list[str]:
        """The files that are made of single runs for the report; of trials there are none."""
        pairs = ((folder, name) for folder, run in self.runs.items() for name in run["page_files"])
        return [str(self.study / folder / name) for folder, name in pairs]

    def tables(self) -> list[str]:
        """The tables of the study."""
        searched = ["search.csv"] if self.searches else []
        compared = ["differences.csv"] if self.plan.resolved["reference"] else []
        names = ["scores", "runs", "unscored", "plan", "metrics"]
        files = [*(f"{name}.csv" for name in names), "scores.parquet", *searched, *compared]
        return [str(self.study / name) for name in (*files, "provenance.json")]

    def targets(self) -> list[str]:
        """The final files of a study."""
        failures = [layout.CHECKED] if self.plan.strict else []
        trackers = [f"trackers/{label}.json" for label in self.plan.trackers]
        names = ["report.html", layout.REPORTED, *failures, *trackers]
        return [*self.records(), *(str(self.study / name) for name in names)]

    def _trials(self) -> Iterable[Mapping[str, Any]]:
        """Rows for the problems that trials need on every split."""
        for search in self.plan.searches:
            for split in range(1, self.plan.splits + 1):
                yield {**search, "split": split}

    def _search_files(self, search: Row) -> Iterable[Path]:
        rounds = trials.rounds(search)
        yield from (trials.round_file(search, n) for n in rounds)
        for name in (*layout.OF_A_RUN, layout.VALIDATION):
            yield from trials.files_of(search, rounds, self.plan.splits, name)
        yield trials.trials_file(search)

    def _place(self, shelf: str, wildcards: Wildcards) -> str:
        parts = (shelf, wildcards.dataset, wildcards.task, wildcards.split, wildcards.run)
        return "/".join(parts)
