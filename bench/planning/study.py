"""A study: one YAML file, one question, one folder of results.

Reading one never raises for what it says: :attr:`Study.findings` holds every mistake, and
:func:`bench.planning.plan.make_plan` tells them with what only shows when needs are matched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge, MinLen
from pydantic import BaseModel, ConfigDict, ValidationError

from bench import catalogue
from bench.core.errors import Finding, suggestion
from bench.core.metric import MetricName
from bench.planning.entries import SAFE_LABEL, Entry, Resolver
from bench.planning.parameters import check, parameters_of, unknown
from bench.planning.search_keys import Search, need_apart, searches
from bench.planning.sweeps import is_safe
from bench.planning.yaml_file import read_yaml
from bench.training.config import TrainingConfig

ALL = "all"
MOST_NAMED = 20
"""Labels that are listed where none of them is like what was asked for."""


class StudyFile(BaseModel):
    """The keys of a study file; what stands below them is looked at entry by entry."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    title: str = ""
    """Text shown at the head of the report."""
    seeds: Annotated[int, Ge(1)] | Annotated[list[Annotated[int, Ge(0)]], MinLen(1)] = 5
    """Number of replicates of every run, or a list of their seeds; they train together."""
    splits: Annotated[int, Ge(1)] = 1
    """Number of independent splits of every task."""
    datasets: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    tasks: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    training: dict[str, Any] = {}
    """Training keys that hold for every run which does not set them itself."""
    runs: dict[Any, Any] = {}
    """Label: its variant (name or path), its hyperparameters and its training keys, flat."""
    search: dict[Any, Any] = {}
    """Label: its variant, its metric, how many trials, and the variant's parameters and training
    keys, flat: a range or a list is searched, a plain value is fixed."""
    baselines: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them."""
    metrics: Literal["all"] | list[str] = "all"
    """``all`` (every view of every measure whose needs are met), or a list of names and paths to
    own files: ``accuracy``, ``accuracy.knn``, ``mine.py``, ``mine.py.top20``."""
    readouts: dict[str, Any] = {}
    """Readout: its options. One that none of the study's tasks asks for is asked for in all."""
    reference: str = ""
    """Label of the run, search or baseline that all others are compared with, metric by metric."""
    strict: bool = False
    """Whether a failed run makes Snakemake fail at the end; its row is written either way."""
    trackers: list[Any] = []
    """List of names, paths to own files, or labels with parameters below them: where the study is
    mirrored to once it is done."""


class Option(NamedTuple):
    """A metric or readout of the study."""

    card: Any
    values: dict[str, Any]
    """The readout's options; empty for metrics."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as resolved: every name has become a card, every list has fanned out."""

    name: str
    title: str
    seeds: tuple[int, ...]
    splits: int
    reference: str
    """Label of the run, search or baseline that all others are compared with; may be empty."""
    strict: bool
    datasets: tuple[Entry, ...]
    tasks: tuple[Entry, ...]
    runs: tuple[Entry, ...]
    searches: tuple[Search, ...]
    baselines: tuple[Entry, ...]
    metrics: Mapping[str, Option]
    """By full name (``scib.total`` where a study says ``scib``), or path as given."""
    named_metrics: frozenset[str]
    """Those the study names itself, which must be met somewhere."""
    readouts: Mapping[str, Option]
    named_readouts: frozenset[str]
    """Those the study names itself: asked for in every task where no task asks for them."""
    trackers: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    """Everything that is wrong with it so far."""

    def resolved(self) -> dict[str, Any]:
        """The study in its own keys, every list fanned out and every default written."""
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
    """The study in a YAML file, named after it.  Raises UserError where it cannot be read."""
    config, twice = read_yaml(path)
    return from_config(config, Path(path).stem, twice)


def from_config(config: Mapping[str, Any], name: str, noted: list[Finding] | None = None) -> Study:
    """A study from its keys; ``noted`` are mistakes found on the way here."""
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
    for section in ("datasets", "tasks", "trackers"):
        _need_distinct(sections[section], resolver)
    competitors = (*sections["runs"], *sections["baselines"])
    _need_distinct((*competitors, *(search.entry for search in found)), resolver)
    need_apart(found, competitors, resolver)
    known = [entry.label for entry in (*competitors, *(search.entry for search in found))]
    _need_reference(file.reference, known, resolver)
    _need_libraries(sections["trackers"], resolver)
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
    """The keys that can be read; the others are noted and left at their defaults."""
    given = {str(key): value for key, value in config.items()}
    known = list(StudyFile.model_fields)
    for key in [key for key in given if key not in known]:
        resolver.note(Finding(key, None, "unknown", suggestion(key, known)))
        del given[key]
    try:
        StudyFile.model_validate(given)
    except ValidationError as error:
        for key in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors()):
            described = StudyFile.model_fields[key].description
            resolver.note(Finding(key, given.pop(key), f"expected: {described}"))
    seeds = given.get("seeds")
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        resolver.note(Finding("seeds", seeds, "a seed stands twice", "every replicate has its own"))
    return StudyFile.model_construct(**given)


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
    _need_distinct_files(list(dict.fromkeys(measures)), "metrics", resolver)
    found = {name: resolver.find_metric(name, "metrics") for name in dict.fromkeys(names)}
    known = {name: metric for name, metric in found.items() if metric is not None}
    options = {full: Option(card, {}) for full, card in known.values()}
    return options, frozenset(known[name][0] for name in named if name in known)


def _readouts(given: Mapping[str, Any], resolver: Resolver) -> dict[str, Option]:
    """Every readout there is, on the shelf or by path, with its options."""
    readouts = {}
    names = list(dict.fromkeys([*catalogue.names("readouts"), *given]))
    _need_distinct_files(names, "readouts", resolver)
    for name in names:
        place = f"readouts.{name}"
        card = resolver.find("readouts", name, place)
        if card is None:
            continue
        options = given.get(name) or {}
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
            resolver.note(Finding(key, given.get(key), "names nothing; expected one or more"))
    if not any(given.get(key) for key in ("runs", "search", "baselines")):
        resolver.note(Finding("runs", None, "neither runs nor baselines: nothing to compare"))


def _need_distinct(entries: Iterable[Entry], resolver: Resolver) -> None:
    taken: dict[str, Entry] = {}
    for entry in entries:
        other = taken.setdefault(entry.label.lower(), entry)
        if other is not entry:
            expected = f"this label is taken already, at {other.place}"
            fix = "labels must differ in more than upper and lower case"
            resolver.note(Finding(entry.place, entry.label, expected, fix))


def _need_reference(label: str, known: list[str], resolver: Resolver) -> None:
    """One that is there but for a mistake has been told of where it stands."""
    places = tuple(f"{section}.{label}." for section in ("runs", "search", "baselines"))
    mistaken = any(f"{found.place}.".startswith(places) for found in resolver.findings)
    if not label or label in known or mistaken:
        return
    # A label whose lists fanned out stands for several runs.
    runs = [one for one in known if one.startswith(f"{label}.")]
    listed = ", ".join(known[:MOST_NAMED]) + (", …" if len(known) > MOST_NAMED else "")
    fix = f"name one of its runs: {runs[0]}" if runs else ""
    fix = fix or suggestion(label, known, f"there are: {listed}")
    resolver.note(Finding("reference", label, "no run, search or baseline has this label", fix))


def _need_libraries(trackers: tuple[Entry, ...], resolver: Resolver) -> None:
    for entry in trackers:
        if missing := entry.card.missing():
            expected = f"needs what is not installed: {', '.join(missing)}"
            resolver.note(Finding(entry.place, None, expected, entry.card.install))


def _need_distinct_files(names: list[str], section: str, resolver: Resolver) -> None:
    """Results know a metric or readout by its file's name: two may not share one."""
    stems = [Path(name).stem for name in names]
    for name, stem in zip(names, stems, strict=True):
        if name != stem and stems.count(stem) > 1:
            resolver.note(Finding(section, name, f"there is another {stem}", "rename the file"))
