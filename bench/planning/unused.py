"""What would do nothing anywhere in a study: refused, with the reason for each place.

What fits in some places is skipped in the others, see :attr:`bench.planning.plan_record.Plan`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.core.errors import Finding
from bench.core.skipped import ALL_RUNS
from bench.planning.matching import asked_everywhere, words
from bench.planning.named_datasets import runs_on
from bench.planning.plan_record import Row

if TYPE_CHECKING:
    from bench.planning.entries import Entry
    from bench.planning.study import Study

MOST_PLACES = 10
"""Places and reasons of one message."""

DECIDE_PLACES = ("datasets", "tasks", "metrics", "readouts")
"""Sections of a study on which it depends where a run fits."""


class Place(NamedTuple):
    """A run, baseline or search that runs on a dataset and task; labels."""

    run: str
    dataset: str
    task: str
    arrays: frozenset[str]
    """What metrics can be given of it there."""


def unused(
    study: "Study",
    placed: Iterable[Place],
    skipped: Sequence[Row],
    metrics: Collection[str],
    readouts: Collection[str],
) -> Iterator[Finding]:
    """Findings for all that is used nowhere.

    ``placed`` are the combinations that run, ``metrics`` and ``readouts`` those that these use.
    What depends on a part of the study that has mistakes of its own is not judged.
    """
    wrong = {finding.place.partition(".")[0].partition("[")[0] for finding in study.findings}
    if wrong.intersection(DECIDE_PLACES):
        return
    placed = list(placed)
    found = _Unused(study, placed, skipped)
    yield from found.competitors()
    if not wrong:
        yield from (*found.tasks(), *found.datasets())
        yield from (*unmet_metrics(study, metrics, placed), *unmet_readouts(study, readouts))


@dataclass(frozen=True)
class _Unused:
    study: "Study"
    placed: Sequence[Place]
    skipped: Sequence[Row]

    def competitors(self) -> Iterator[Finding]:
        """Runs, baselines and searches that run nowhere, unless no task can be used at all."""
        running = {place.run for place in self.placed}
        mistaken = {finding.place.rpartition(".")[0] for finding in self.study.findings}
        for entry in _competitors(self.study):
            if entry.label in running or entry.place in mistaken:
                continue
            rows = self._of_competitor(entry)
            if rows and all(row["task"] in self._unusable for row in rows):
                continue
            why = _listed(rows) or "no task of the study runs on the datasets that it names"
            yield Finding(entry.place, None, f"cannot run anywhere in this study: {why}", REMOVE)

    def tasks(self) -> Iterator[Finding]:
        """Tasks without a dataset that suits, or on which nothing runs while other tasks run."""
        busy = {place.task for place in self.placed}
        for task in self.study.tasks:
            if task.label in busy or not (task.label in self._unusable or self.placed):
                continue
            rows = [row for row in self.skipped if row["task"] == task.label]
            why = _listed(rows) or "nothing runs on the datasets that it names"
            yield Finding(task.place, None, f"used nowhere in this study: {why}", REMOVE)

    def datasets(self) -> Iterator[Finding]:
        """Datasets on which nothing runs although something runs on others."""
        busy = {place.dataset for place in self.placed}
        for dataset in self.study.datasets:
            if dataset.label in busy or not self.placed:
                continue
            rows = [row for row in self.skipped if row["dataset"] == dataset.label]
            why = _listed(rows) or "no task and run name it"
            yield Finding(dataset.place, None, f"used nowhere in this study: {why}", REMOVE)

    @property
    def _unusable(self) -> set[str]:
        """Labels of tasks that cannot use any of their datasets."""
        none = {(row["task"], row["dataset"]) for row in self.skipped if row["run"] == ALL_RUNS}
        return {
            task.label
            for task in self.study.tasks
            if all((task.label, d.label) in none for d in self.study.datasets if runs_on(task, d))
        }

    def _of_competitor(self, entry: "Entry") -> list[Row]:
        named = {one.label for one in self.study.datasets if runs_on(entry, one)}
        runs = (entry.label, ALL_RUNS)
        return [r for r in self.skipped if r["run"] in runs and r["dataset"] in named]


REMOVE = "change this, or remove it"


def _competitors(study: "Study") -> Iterator["Entry"]:
    yield from (*study.runs, *study.baselines)
    yield from (search.entry for search in study.searches)


def _listed(rows: Iterable[Mapping[str, Any]]) -> str:
    """The reasons, each with its places: ``on pbmc as integration: needs batch``."""
    places: dict[str, list[str]] = {}
    for row in rows:
        places.setdefault(row["reason"], []).append(f"on {row['dataset']} as {row['task']}")
    return "; ".join(_cut([f"{_short(where)}: {why}" for why, where in places.items()]))


def _short(places: Iterable[str]) -> str:
    return ", ".join(_cut(list(dict.fromkeys(places))))


def _cut(items: list[str]) -> list[str]:
    more = len(items) - MOST_PLACES
    return items if more <= 0 else [*items[:MOST_PLACES], f"and {more} more"]


def unmet_readouts(study: "Study", used: Iterable[str]) -> list[Finding]:
    """A finding for every readout that the study requests and nothing provides."""
    found = []
    for name in sorted(asked_everywhere(study) - set(used)):
        wanted = study.readouts[name].card.compared_with
        reason = "no run or baseline of this study provides it on its data"
        if wanted and not any(wanted <= task.card.targets for task in study.tasks):
            reason = f"compared with {words(wanted)}, which no task of this study has"
        found.append(Finding(f"readouts.{name}", None, reason))
    return found


def unmet_metrics(
    study: "Study", used: Collection[str], placed: Sequence[Place]
) -> Iterator[Finding]:
    """A finding for every named metric that applies to no run or baseline of the study."""
    for name in sorted(study.named_metrics & set(study.metrics) - set(used)):
        needs = study.metrics[name].card.needs
        why = _listed(_lacking(needs, placed))
        yield Finding("metrics", name, f"applies nowhere; it needs {words(needs)}; {why}")


def _lacking(needs: Iterable[str], placed: Sequence[Place]) -> Iterator[Row]:
    """What a metric lacks on each dataset and task, rows as of skipped combinations."""
    from bench.parts.scoring.derived import needed_of_given

    found: dict[tuple[str, str], frozenset[str]] = {}
    for place in placed:
        key = (place.dataset, place.task)
        found[key] = found.get(key, frozenset()) | place.arrays
    for (dataset, task), arrays in found.items():
        missing = words(needed_of_given(needs) - arrays)
        reason = f"there is no {missing}" if missing else "no run has all of it"
        yield {"dataset": dataset, "task": task, "reason": reason}
