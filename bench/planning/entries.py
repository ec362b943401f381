"""Entries of a study: the card that an entry names, and the parameters for it.

Functions here record findings and do not raise, so that one check reports all mistakes of a study.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bench import catalogue
from bench.catalogue import Shelf
from bench.core.errors import Finding, UserError, mistake
from bench.core.metric import Metric, MetricName
from bench.planning import named_datasets
from bench.planning.limits import MOST_COMBINATIONS, too_many_combinations
from bench.planning.parameters import Parameter, check, parameters_of, unknown
from bench.planning.renamed_metrics import RENAMED
from bench.planning.shelves import KINDS, NAMED_BY
from bench.planning.sweeps import combinations, count, is_safe, labels, swept_keys
from bench.training.config import TrainingConfig

SAFE_LABEL = "expected at most 80 letters, digits, '.', '_' and '-', with no '.' or '-' first"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One contribution with one set of parameters; its results are in one folder."""

    shelf: Shelf
    label: str
    place: str
    """Its location in the study."""
    name: str
    """Its name on the shelf, or the path of the user's file, as given."""
    card: Any
    config: Any | None
    """The card's dataclass; None if its parameters are invalid."""
    values: dict[str, Any]
    """All parameters as plain data."""
    training: dict[str, Any]
    swept: dict[str, Any]
    given: frozenset[str] = frozenset()
    """The parameters and training keys that the study sets; all others have their defaults."""
    datasets: tuple[str, ...] = ()  # labels; all if empty

    @property
    def stem(self) -> str:
        """Its name without folders and suffix."""
        return Path(self.name).stem

    def resolved(self) -> dict[str, Any]:
        """The content below its label in a study with all values explicit."""
        body = {NAMED_BY[self.shelf]: self.name, **self.values, **self.training}
        return body | named_datasets.resolved(self.datasets)

    @property
    def file(self) -> Path:
        """Its source file."""
        return catalogue.file_of(self.shelf, self.name)


class Draft(NamedTuple):
    """One combination of parameters that has no label yet."""

    name: str
    card: Any
    config: Any | None
    values: dict[str, Any]
    training: dict[str, Any]
    settings: dict[str, Any]
    """The values from the study, after validation."""
    listed: tuple[str, ...]
    datasets: tuple[str, ...] = ()


class Resolver:
    """Resolves the entries of one study; records its cards and findings."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._noted: set[str] = set()
        self._combinations = 0
        self.card: Callable[[Shelf, str], Any] = cache(catalogue.card)

    def note(self, *findings: Finding) -> None:
        """Record findings, each of them once."""
        for finding in findings:
            if repr(finding) not in self._noted:
                self._noted.add(repr(finding))
                self.findings.append(finding)

    def find(self, shelf: Shelf, name: Any, place: str) -> Any | None:
        """The card with this name; without one, None and a finding."""
        try:
            card: Any = self.card(shelf, str(name))
            if not isinstance(card, KINDS[shelf]):
                raise mistake(place, None, f"its card is not a {KINDS[shelf].__name__}")
            if shelf != "metrics":
                parameters_of(card.config)
        except UserError as error:
            self.note(*(finding._replace(place=place) for finding in error.findings))
            return None
        return card

    def find_metric(self, name: str, place: str) -> tuple[str, Metric] | None:
        """A metric's full name, its view included, and its card; None, with a finding, if none."""
        if name in RENAMED:
            self.note(Finding(place, name, f"{name} is now {RENAMED[name]}"))
            return None
        measure, view = MetricName.parse(name)
        card = self.find("metrics", measure, place)
        if card is None:
            return None
        try:
            found = catalogue.view_of(card, name)
        except UserError as error:
            self.note(*(finding._replace(place=place) for finding in error.findings))
            return None
        return str(MetricName(measure, view or card.default)), found

    def of_list(self, shelf: Shelf, items: list[Any], section: str) -> list[Entry]:
        """The entries of a list whose items are names, paths, or labels with parameters."""
        entries = []
        for number, item in enumerate(items):
            if isinstance(item, dict) and len(item) == 1:
                [(label, body)] = item.items()
            elif isinstance(item, str):
                label, body = _from_text(shelf, item)
            else:
                expected = "expected a name, a path, or one label with its parameters below it"
                fix = "indent the parameters below the label" if isinstance(item, dict) else ""
                self.note(Finding(f"{section}[{number}]", item, expected, fix))
                continue
            entries += self.of_label(shelf, label, body, section)
        return entries

    def of_label(
        self,
        shelf: Shelf,
        label: Any,
        body: Any,
        section: str,
        shared: Mapping[str, Any] | None = None,
    ) -> list[Entry]:
        """The entries of one label: one entry, or as many as its lists fan out to.

        ``shared`` are parameters that apply unless the body sets them.
        """
        place = f"{section}.{label}"
        if label is None or isinstance(label, bool) or not is_safe(str(label)):
            self.note(
                Finding(place, label, SAFE_LABEL, "labels become names of folders and curves")
            )
            return []
        many = isinstance(body, list)
        if body == []:
            self.note(Finding(place, body, "an empty list results in no run"))
        drafts: list[Draft] = []
        for number, given in enumerate(body if many else [body]):
            here = f"{place}[{number}]" if many else place
            if not isinstance(given, dict | None):
                self.note(Finding(here, given, "expected parameters, as 'name: value'"))
                continue
            given = dict(given or {})
            for key in [key for key, value in given.items() if value is None and ":" in str(key)]:
                name, _, value = str(key).partition(":")
                del given[key]
                expected = "a blank is missing after the colon"
                self.note(Finding(here, key, expected, f"write {name}: {value}"))
            given |= {key: value for key, value in (shared or {}).items() if key not in given}
            drafts += self._drafts(shelf, str(label), given, here)
        return list(_labelled(shelf, str(label), place, drafts))

    def check_all(self, config: type, given: Mapping[str, Any], place: str) -> dict[str, Any]:
        """The valid values; every value of a list is checked."""
        known = parameters_of(config)
        wrong = unknown(given, known, place, [])
        settings = {key: value for key, value in given.items() if key in known}
        for key, value in settings.items():
            for combination in combinations({key: value}, lambda k: known[k].is_list):
                wrong += _found(check(config, combination.given, place), f"{place}.{key}")
        self.note(*wrong)
        return {
            k: v for k, v in settings.items() if not any(f.place == f"{place}.{k}" for f in wrong)
        }

    def _drafts(
        self, shelf: Shelf, label: str, given: dict[str, Any], place: str
    ) -> Iterator[Draft]:
        key = NAMED_BY[shelf]
        key_path = f"{place}.{key}" if key in given else place
        name = given.pop(key, _implied(shelf, label, given))
        where = named_datasets.take(shelf, given, place, self)
        for one in name if isinstance(name, list) else [name]:
            card = self.find(shelf, one, key_path)
            if card is None:
                continue
            settings = {key: Path(str(one)).stem}
            for draft in self._combined(shelf, str(one), card, given, place):
                listed = (key, *draft.listed) if isinstance(name, list) else draft.listed
                mine = settings | draft.settings
                yield draft._replace(settings=mine, listed=listed, datasets=where)

    def _combined(
        self, shelf: Shelf, name: str, card: Any, given: dict[str, Any], place: str
    ) -> Iterator[Draft]:
        """A draft for each combination of the listed values."""
        own = parameters_of(card.config)
        training = parameters_of(TrainingConfig) if shelf == "models" else {}
        known = {**training, **own}
        self.note(*unknown(given, known, place, [NAMED_BY[shelf], *named_datasets.keys(shelf)]))
        given = {key: value for key, value in given.items() if key in known}
        for key in [key for key, value in given.items() if value == [] and not known[key].is_list]:
            self.note(Finding(f"{place}.{key}", given.pop(key), "an empty list results in no run"))
        self._combinations += (number := count(given, lambda key: known[key].is_list))
        if self._combinations > MOST_COMBINATIONS:
            self.note(too_many_combinations(place, number, self._combinations))
            return
        published = card.training if shelf == "models" else {}
        for settings, listed in combinations(given, lambda key: known[key].is_list):
            config, values = self._checked(card.config, own, settings, place)
            _, trained = self._checked(TrainingConfig, training, {**published, **settings}, place)
            if shelf == "data":
                self._need_file(values, place)
            settings = {key: {**values, **trained}.get(key, settings[key]) for key in settings}
            yield Draft(name, card, config, values, trained, settings, listed)

    def _checked(
        self,
        config: type,
        known: Mapping[str, Parameter],
        settings: Mapping[str, Any],
        place: str,
    ) -> tuple[Any | None, dict[str, Any]]:
        if not known and config is TrainingConfig:
            return None, {}
        result = check(config, {key: settings[key] for key in settings if key in known}, place)
        if isinstance(result, list):
            self.note(*result)
            return None, {}
        return result

    def _need_file(self, values: Mapping[str, Any], place: str) -> None:
        path = values.get("path")
        if isinstance(path, str) and (reason := catalogue.why_no_file(path)):
            self.note(Finding(f"{place}.path", path, reason, catalogue.RELATIVE))
        if isinstance(path, str) and set(path).intersection("{}\n"):
            expected = "has braces or a line break, which Snakemake cannot read in a name"
            self.note(Finding(f"{place}.path", path, expected, "rename the file or its folder"))


def _from_text(shelf: Shelf, text: str) -> tuple[str, dict[str, Any]]:
    if catalogue.is_path(text):
        return Path(text).stem, {NAMED_BY[shelf]: text}
    if shelf == "data" and text.endswith(".h5ad"):
        return Path(text).stem, {"path": text}
    return text, {}


def _implied(shelf: Shelf, label: str, given: Mapping[str, Any]) -> str:
    """The contribution if the study names none: the label, or a file of counts."""
    if shelf == "data" and "path" in given and label not in catalogue.names("data"):
        return "h5ad"
    return label


def _labelled(shelf: Shelf, label: str, place: str, drafts: list[Draft]) -> Iterator[Entry]:
    settings = [draft.settings for draft in drafts]
    keys = swept_keys(settings, [key for draft in drafts for key in draft.listed])
    swept = [{key: values[key] for key in keys if key in values} for values in settings]
    for draft, name, mine in zip(drafts, labels(label, swept), swept, strict=True):
        yield Entry(
            shelf=shelf,
            label=name,
            place=place,
            name=draft.name,
            card=draft.card,
            config=draft.config,
            values=draft.values,
            training=draft.training,
            swept=mine,
            given=frozenset(draft.settings),
            datasets=draft.datasets,
        )


def _found(result: Any, place: str) -> list[Finding]:
    return (
        [finding for finding in result if finding.place == place]
        if isinstance(result, list)
        else []
    )
