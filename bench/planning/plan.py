"""The plan of a study: all of its runs as plain data, before any job starts."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from hashlib import sha256
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import catalogue
from bench.catalogue import Shelf
from bench.core.errors import Finding, UserError
from bench.core.files import sha256_of
from bench.core.metric import MetricName
from bench.core.skipped import ALL_RUNS
from bench.planning import fingerprint
from bench.planning.descriptions import Descriptions
from bench.planning.matching import Match, Matcher, untrainable
from bench.planning.named_datasets import runs_on
from bench.planning.page import page_file_cards, page_file_code, page_files_of, report_code
from bench.planning.plan_record import Plan, Row
from bench.planning.unused import Place, unused
from bench.results.keys import dataset_key, problem_key, with_keys

if TYPE_CHECKING:
    from bench.planning.entries import Entry
    from bench.planning.search_keys import Search
    from bench.planning.study import Study

STUDY_RULES = ("propose", "select_trial", "gather")
"""Rules whose digests belong to no run, and to no contribution."""


def make_plan(
    study: "Study",
    content: Callable[[Path], str] = sha256_of,
    described: Descriptions | None = None,
) -> Plan:
    """The plan of a study.  Raises one UserError with all findings.

    ``content`` returns the sha256 of a user's file of counts; ``described`` knows the datasets.
    """
    planner = _Planner(study, content, described or Descriptions())
    findings = [*study.findings, *dict.fromkeys(planner.findings)]
    if findings:
        count = f"{len(findings)} problems" if len(findings) > 1 else "One problem"
        raise UserError(f"{count} in the study {study.name}:", findings)
    runs = list(planner.rows())
    page_files = {file for run in runs for file in run["page_files"]}
    return Plan(
        name=study.name,
        title=study.title,
        seeds=list(study.seeds),
        splits=study.splits,
        strict=study.strict,
        datasets=planner.datasets,
        tasks=planner.tasks,
        runs=runs,
        searches=list(planner.searches()),
        skipped=planner.skipped,
        metrics={name: metric_row(name, study.metrics[name].card) for name in planner.used},
        trackers={entry.label: _tracker(entry) for entry in study.trackers},
        page_files={file: sorted(planner.page_files[file].reads) for file in sorted(page_files)},
        code=_study_code(page_files),
        resolved=study.resolved(),
    )


def metric_row(name: str, card: Any) -> Row:
    """A metric as ``metrics.csv`` shows it; an end without bound is None."""
    known = MetricName.parse(name)
    lowest, highest = (bound if isfinite(bound) else None for bound in card.bounds)
    row = {key: getattr(card, key) for key in ("label", "better", "unit", "sound", "reference")}
    names = {"metric": known.in_tables, "measure": known.file}
    return {**names, "lowest": lowest, "highest": highest, **row}


class _Planner:
    """Matches a study once, then makes the rows."""

    def __init__(
        self, study: "Study", content: Callable[[Path], str], described: Descriptions
    ) -> None:
        self.study, self.content = study, content
        self.findings: list[Finding] = []
        self.skipped: list[Row] = []
        self.cells: list[tuple[Entry, Entry, list[tuple[Entry, Match]]]] = []
        """Per dataset and task: the entries that run there, with their readouts and metrics."""
        self.searched: list[tuple[Search, Entry, Entry, Match]] = []
        self.code = cache(fingerprint.code_of)
        # The runs of a sweep differ in nothing that this depends on.
        self._code = cache(self._code_of)
        self._keys = cache(self._keys_of)
        self.page_files = page_file_cards()
        matcher = Matcher(study, described)
        datasets = [entry for entry in study.datasets if entry.config is not None]
        for dataset, task in ((d, t) for d in datasets for t in study.tasks):
            if runs_on(task, dataset):
                self._match(matcher, dataset, task)
        self.used = [n for n in study.metrics if any(n in m.metrics for _, m in self._matches())]
        readouts = {name for _, match in self._matches() for name in match.readouts}
        self.findings += unused(study, self._placed(), self.skipped, self.used, readouts)
        self.findings += chain.from_iterable(map(untrainable, study.runs))

    @cached_property
    def datasets(self) -> dict[str, Row]:
        """By label, as the plan holds them."""
        return {entry.label: _dataset(entry, self.content) for entry in self.study.datasets}

    @cached_property
    def tasks(self) -> dict[str, Row]:
        """By label, as the plan holds them."""
        return {entry.label: _task(entry) for entry in self.study.tasks}

    def rows(self) -> Iterator[Row]:
        """The rows of the plan, by dataset, task, split and run."""
        for dataset, task, running in self.cells:
            for split in range(1, self.study.splits + 1):
                for entry, match in running:
                    files = self._page_files(entry, task, match, split)
                    own = {"split": split, "page_files": files}
                    row = self._row(entry, dataset, task, match) | own
                    yield with_keys(row, *self._keys(dataset.label, task.label, split))

    def searches(self) -> Iterator[Row]:
        """The rows of searches, by dataset, task and search."""
        for search, dataset, task, match in self.searched:
            row = metric_row(search.metric, search.card)
            yield {
                "search": search.entry.label,
                "dataset": dataset.label,
                "task": task.label,
                **{key: row[key] for key in ("metric", "better", "unit")},
                **{key: getattr(search, key) for key in ("trials", "per_round", "space")},
                "template": self._template(search, dataset, task, match),
                **self._keys_of_splits(dataset, task),
            }

    def _page_files(self, entry: "Entry", task: "Entry", match: Match, split: int) -> list[str]:
        """Not of every run of a sweep: there are too many to look at."""
        if entry.swept:
            return []
        return page_files_of(self.page_files, self.study, task, match, split)

    def _match(self, matcher: Matcher, dataset: "Entry", task: "Entry") -> None:
        if reason := matcher.unposable(dataset, task):
            self._skip(ALL_RUNS, dataset, task, reason)
            return
        running = []
        for entry in (*self.study.runs, *self.study.baselines):
            if runs_on(entry, dataset):
                match = matcher.match(entry, dataset, task)
                if match.problem:
                    self._skip(entry.label, dataset, task, match.problem)
                else:
                    running.append((entry, match))
        self.cells.append((dataset, task, running))
        for search in self.study.searches:
            if runs_on(search.entry, dataset):
                match = matcher.match_search(search, dataset, task)
                if match.problem:
                    self._skip(search.entry.label, dataset, task, match.problem)
                else:
                    self.searched.append((search, dataset, task, match))

    def _skip(self, run: str, dataset: "Entry", task: "Entry", reason: str) -> None:
        place = {"run": run, "dataset": dataset.label, "task": task.label}
        self.skipped.append({**place, "reason": reason})

    def _placed(self) -> Iterator[Place]:
        """Where every entry runs, searches included."""
        for dataset, task, running in self.cells:
            for entry, match in running:
                yield Place(entry.label, dataset.label, task.label, match.arrays)
        for search, dataset, task, match in self.searched:
            yield Place(search.entry.label, dataset.label, task.label, match.arrays)

    def _matches(self) -> Iterator[tuple["Entry", Match]]:
        yield from (pair for _, _, running in self.cells for pair in running)
        yield from ((search.entry, match) for search, _, _, match in self.searched)

    def _row(self, entry: "Entry", dataset: "Entry", task: "Entry", match: Match) -> Row:
        """One run, with all that its jobs read except the split."""
        return {
            "shelf": entry.shelf,
            "run": entry.label,
            "model": entry.stem,
            "file": entry.name,
            "label": entry.card.label,
            "role": entry.card.role,
            "config": entry.values,
            "training": entry.training,
            "swept": entry.swept,
            "dataset": dataset.label,
            "task": task.label,
            "seeds": list(self.study.seeds),
            "readouts": self._options(match.readouts),
            "metrics": list(match.metrics),
            "deterministic": entry.card.deterministic,
            "code": dict(self._code(entry.shelf, entry.name, match.readouts, match.metrics)),
        }

    def _template(self, search: "Search", dataset: "Entry", task: "Entry", match: Match) -> Row:
        """The common row of all trials, with the readouts and the metric for their selection."""
        row = self._row(search.entry, dataset, task, match)
        files = [catalogue.file_of("readouts", name) for name in match.readouts]
        files += [search.entry.file, catalogue.metric_file(search.metric)]
        selects_by = {"metric": search.metric, "readouts": self._options(match.selects_by)}
        readout = {"readout": self.code("read_out_trial", *files)}
        return row | {"selects_by": selects_by, "code": row["code"] | readout}

    def _keys_of(self, dataset: str, task: str, split: int) -> tuple[str, str]:
        """The keys of the data and of the problem, from the labels of dataset and task."""
        data = dataset_key(self.datasets[dataset])
        return data, problem_key(dataset, data, self.tasks[task], split)

    def _keys_of_splits(self, dataset: "Entry", task: "Entry") -> Row:
        splits = range(1, self.study.splits + 1)
        keys = {str(n): self._keys(dataset.label, task.label, n) for n in splits}
        problems = {split: problem for split, (_, problem) in keys.items()}
        return {"data_key": keys["1"][0], "problem_keys": problems}

    def _options(self, readouts: Iterable[str]) -> dict[str, Row]:
        return {name: self.study.readouts[name].values for name in readouts}

    def _code_of(
        self, shelf: Shelf, name: str, readouts: tuple[str, ...], metrics: tuple[str, ...]
    ) -> dict[str, str]:
        """Digests of the jobs of a run; one job fits a baseline and computes its readouts."""
        file = catalogue.file_of(shelf, name)
        readout_files = [catalogue.file_of("readouts", readout) for readout in readouts]
        metric_files = dict.fromkeys(map(catalogue.metric_file, metrics))
        score = self.code("score", *metric_files)
        if shelf == "baselines":
            fit = self.code("fit_baseline", file, *readout_files)
            return {"train": fit, "readout": fit, "score": score}
        return {
            "train": self.code("train", file),
            "readout": self.code("read_out", file, *readout_files),
            "score": score,
        }


def _dataset(entry: "Entry", content: Callable[[Path], str]) -> Row:
    path = entry.values.get("path")
    sources = repr([vars(source) for source in entry.card.sources])
    files = [Path(path).expanduser()] if isinstance(path, str) and path else []
    return {
        "dataset": entry.name,
        "config": entry.values,
        "contents": {str(file): content(file) for file in files if file.is_file()},
        "remote": bool(entry.card.sources),
        "provides": sorted(entry.card.fields(entry.config)),
        "code": fingerprint.code_of("prepare", entry.file),
        "fetch_code": _both(fingerprint.code_of("fetch"), sources),
    }


def _task(entry: "Entry") -> Row:
    code = fingerprint.code_of("make_problem", entry.file)
    return {"task": entry.name, "config": entry.values, "code": code}


def _tracker(entry: "Entry") -> Row:
    code = fingerprint.code_of("export_to_tracker", entry.file)
    return {"tracker": entry.name, "config": entry.values, "code": code}


def _study_code(page_files: Iterable[str]) -> dict[str, str]:
    rules = {rule: fingerprint.code_of(rule) for rule in STUDY_RULES}
    files = {file: page_file_code(file) for file in sorted(page_files)}
    return {**rules, "report": report_code(), **files}


def _both(code: str, sources: str) -> str:
    """The digest of the fetch job and of the sources; a change of the loader keeps it."""
    return sha256(f"{code} {sources}".encode()).hexdigest()[:16]
