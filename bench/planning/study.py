"""A study: one YAML file, one question, one folder of results.

Mistakes in the content of a study do not raise: :attr:`Study.findings` has all of them, and
:func:`bench.planning.plan.make_plan` reports them together with the findings of the matching.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, ValidationError

from bench import catalogue
from bench.core.errors import Finding, suggestion
from bench.core.metric import MetricName
from bench.planning import limits, named_datasets
from bench.planning.entries import SAFE_LABEL, Entry, Resolver
from bench.planning.parameters import check, parameters_of, unknown
from bench.planning.search_keys import Search, need_apart, searches
from bench.planning.sweeps import is_safe
from bench.planning.whole_study import (
    need_distinct,
    need_distinct_files,
    need_libraries,
    need_reference,
)
from bench.planning.yaml_file import read_yaml
from bench.training.config import TrainingConfig

ALL = "all"


Seed = Annotated[int, Ge(0), Le(limits.LARGEST_SEED)]
Seeds = Annotated[list[Seed], MinLen(1), MaxLen(limits.MOST_SEEDS)]

LISTS = ("datasets", "tasks", "baselines", "trackers")
"""Sections that are lists of names, paths or labels."""


class StudyFile(BaseModel):
    """The keys of a study file; their content is checked entry by entry."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    title: str = ""
    """Title of the report."""
    seeds: (
        Annotated[int, Ge(1), Le(limits.MOST_SEEDS)]
        | Annotated[
            list[Annotated[int, Ge(0), Le(limits.LARGEST_SEED)]],
            MinLen(1),
            MaxLen(limits.MOST_SEEDS),
        ]
    ) = 5
    """Number of replicates of every run, at least 1, or their seeds; they train together."""
    splits: Annotated[int, Ge(1), Le(limits.MOST_SPLITS)] = 1
    """Number of independent splits of every task."""
    datasets: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    tasks: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    training: dict[str, Any] = {}
    """Training keys that apply to every run that does not set them itself."""
    runs: dict[Any, Any] = {}
    """Label: its variant (name or path), its hyperparameters and its training keys, flat."""
    search: dict[Any, Any] = {}
    """Label: its variant, its metric, its number of trials, and the variant's parameters and
    training keys, flat: a range or a list is searched, a plain value is fixed."""
    baselines: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    metrics: Literal["all"] | list[str] = "all"
    """``all`` (every view of every measure whose needs are met), or a list of names and paths to
    own files: ``accuracy``, ``accuracy.knn``, ``mine.py``, ``mine.py.top20``."""
    readouts: dict[str, Any] = {}
    """Readout: its options. If no task of the study requests the readout, all tasks request it."""
    reference: str = ""
    """Label of the run, search or baseline with which all others are compared, for each metric."""
    strict: bool = False
    """Whether Snakemake fails at the end if a run failed; results are written in both cases."""
    trackers: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them: the trackers that
    receive a copy of the results when the study is complete."""


class Option(NamedTuple):
    """A metric or readout of the study."""

    card: Any
    values: dict[str, Any]
    """The readout's options; empty for metrics."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A resolved study: cards in place of names, and all lists fanned out."""

    name: str
    title: str
    seeds: tuple[int, ...]
    splits: int
    reference: str
    """Label of the run, search or baseline with which all others are compared; may be empty."""
    strict: bool
    datasets: tuple[Entry, ...]
    tasks: tuple[Entry, ...]
    runs: tuple[Entry, ...]
    searches: tuple[Search, ...]
    baselines: tuple[Entry, ...]
    metrics: Mapping[str, Option]
    """By full name (``scib.total`` where a study says ``scib``), or path as given."""
    named_metrics: frozenset[str]
    """Metrics that the study names; each must apply somewhere."""
    readouts: Mapping[str, Option]
    named_readouts: frozenset[str]
    """Readouts that the study names; all tasks request those that no task requests."""
    trackers: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    """All mistakes found so far."""

    def resolved(self) -> dict[str, Any]:
        """The study with its own keys, with lists fanned out and all defaults explicit."""
        sections = {"datasets": self.datasets, "tasks": self.tasks, "baselines": self.baselines}
        return {
            "title": self.title,
            "seeds": list(self.seeds),
            "splits": self.splits,
            "runs": {entry.label: entry.resolved() for entry in self.runs},
            "search": {search.entry.label: search.resolved() for search in self.searches},
            **{k: [{e.label: e.resolved()} for e in entries] for k, entries in sections.items()},
            "metrics": list(self.metrics),
            "readouts": {name: option.values for name, option in self.readouts.items()},
            "reference": self.reference,
            "strict": self.strict,
            "trackers": [{entry.label: entry.resolved()} for entry in self.trackers],
        }


def load_study(path: Path) -> Study:
    """The study in a YAML file, with the name of the file.  Raises UserError if unreadable."""
    config, twice = read_yaml(path)
    return from_config(config, Path(path).stem, twice)


def from_config(config: Mapping[str, Any], name: str, noted: list[Finding] | None = None) -> Study:
    """A study from its keys; ``noted`` are findings of earlier steps."""
    resolver = Resolver()
    resolver.note(*(noted or []))
    if not is_safe(name):
        resolver.note(Finding("the study's file", name, SAFE_LABEL, "rename it"))
    file = _sound_part(config, resolver)
    training = resolver.check_all(TrainingConfig, file.training, "training")
    sections = {
        "datasets": tuple(resolver.of_list("data", file.datasets, "datasets")),
        "tasks": tuple(resolver.of_list("tasks", file.tasks, "tasks")),
        "runs": tuple(_runs(file, training, resolver)),
        "baselines": tuple(resolver.of_list("baselines", file.baselines, "baselines")),
        "trackers": tuple(resolver.of_list("trackers", file.trackers, "trackers")),
    }
    found = searches(file.search, training, resolver)
    metrics, named = _metrics(file.metrics, resolver)
    readouts = _readouts(file.readouts, resolver)
    _need_something(file, config, resolver)
    trials = sum(search.trials for search in found)
    if too_many := limits.too_many_rows(sections, trials, file.splits):
        resolver.note(*too_many)
        sections, found = dict.fromkeys(sections, ()), []
    for section in ("datasets", "tasks", "trackers"):
        need_distinct(sections[section], resolver)
    competitors = (*sections["runs"], *sections["baselines"])
    need_distinct((*competitors, *(search.entry for search in found)), resolver)
    need_apart(found, competitors, resolver)
    known = [entry.label for entry in (*competitors, *(search.entry for search in found))]
    named_datasets.need_known(sections, found, resolver)
    need_reference(file.reference, known, resolver)
    need_libraries(sections["trackers"], resolver)
    return Study(
        name=name,
        title=file.title,
        seeds=tuple(range(file.seeds) if isinstance(file.seeds, int) else file.seeds),
        splits=file.splits,
        reference=file.reference,
        strict=file.strict,
        **sections,
        searches=tuple(found),
        metrics=metrics,
        named_metrics=named,
        readouts=readouts,
        named_readouts=frozenset(file.readouts) & set(readouts),
        findings=tuple(resolver.findings),
    )


def _sound_part(config: Mapping[str, Any], resolver: Resolver) -> StudyFile:
    """The valid keys; invalid keys are recorded as findings and keep their defaults."""
    given = {str(key): value for key, value in config.items()}
    # YAML reads 2024 as a number, which is a good title and a good label.
    texts = [key for key in ("title", "reference") if _is_whole(given.get(key))]
    given |= {key: str(given[key]) for key in texts}
    known = list(StudyFile.model_fields)
    for key in [key for key in given if key not in known]:
        resolver.note(Finding(key, None, "unknown", suggestion(key, known)))
        del given[key]
    try:
        StudyFile.model_validate(given)
    except ValidationError as error:
        for key in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors()):
            described = StudyFile.model_fields[key].description
            expected = f"expected: {described}{limits.OF_KEYS.get(key, '')}".removesuffix(".")
            fix = _shape_fix(key, value := given.pop(key))
            resolver.note(Finding(key, value, expected, fix))
    seeds = given.get("seeds")
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        resolver.note(Finding("seeds", seeds, "duplicate seed", "every replicate needs its own"))
    return StudyFile.model_construct(**given)


def _shape_fix(key: str, value: Any) -> str:
    """How to write a mapping where a list is expected, and the reverse."""
    if key in LISTS and isinstance(value, dict):
        return f"begin each entry with a dash, such as '- {next(iter(value), 'label')}: {{...}}'"
    if key == "runs" and isinstance(value, list):
        first = value[0] if value and isinstance(value[0], str) else "nbvae"
        return f"write a label for each, such as '{first}: {{variant: {first}}}'"
    return ""


def _runs(file: StudyFile, training: Mapping[str, Any], resolver: Resolver) -> list[Entry]:
    return [
        entry
        for label, body in file.runs.items()
        for entry in resolver.of_label("models", label, body, "runs", training)
    ]


def _metrics(
    given: str | list[str], resolver: Resolver
) -> tuple[dict[str, Option], frozenset[str]]:
    listed = [given] if isinstance(given, str) else given
    named = [name for name in listed if name != ALL]
    names = [*(catalogue.metric_names() if ALL in listed else []), *named]
    measures = [MetricName.parse(name).measure for name in names]
    need_distinct_files(list(dict.fromkeys(measures)), "metrics", resolver)
    found = {name: resolver.find_metric(name, "metrics") for name in dict.fromkeys(names)}
    known = {name: metric for name, metric in found.items() if metric is not None}
    options = {full: Option(card, {}) for full, card in known.values()}
    return options, frozenset(known[name][0] for name in named if name in known)


def _readouts(given: Mapping[str, Any], resolver: Resolver) -> dict[str, Option]:
    """All available readouts, by name or by path, with their options."""
    readouts = {}
    names = list(dict.fromkeys([*catalogue.names("readouts"), *given]))
    need_distinct_files(names, "readouts", resolver)
    for name in names:
        place = f"readouts.{name}"
        card = resolver.find("readouts", name, place)
        if card is None:
            continue
        options = {} if given.get(name) is None else given[name]
        if not isinstance(options, dict):
            resolver.note(Finding(place, options, "expected options, as 'name: value'"))
            continue
        known = parameters_of(card.config)
        resolver.note(*unknown(options, known, place, []))
        result = check(card.config, {k: v for k, v in options.items() if k in known}, place)
        if isinstance(result, list):
            resolver.note(*result)
        else:
            readouts[name] = Option(card, result.values)
    return readouts


def _need_something(file: StudyFile, given: Mapping[str, Any], resolver: Resolver) -> None:
    for key in ("datasets", "tasks"):
        if not given.get(key):
            resolver.note(Finding(key, given.get(key), "expected one or more entries"))
    if not any(given.get(key) for key in ("runs", "search", "baselines")):
        resolver.note(Finding("runs", None, "no runs, searches or baselines: nothing to compare"))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
