"""The section ``search:`` of a study: what is searched, by which metric, between which bounds.

As everywhere in a study nothing is raised: whatever is wrong is noted, with all that is right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

from annotated_types import Ge

from bench.core.errors import Finding
from bench.core.metric import Metric
from bench.planning.entries import NAMED_BY, SAFE_LABEL, Entry, Resolver
from bench.planning.parameters import Parameter, check, parameters_of, readable, unknown
from bench.planning.sweeps import is_safe
from bench.search.trials import LONGEST, number_in
from bench.training.config import TrainingConfig

SECTION = "search"
VARIANT = NAMED_BY["models"]

Space = dict[str, dict[str, Any]]
"""By key: ``low``, ``high``, ``log`` and ``whole``, or ``choices``."""


@dataclass(frozen=True, kw_only=True)
class SearchKeys:
    """What stands under a search's label beside its variant and that variant's parameters."""

    metric: str
    """Name (``accuracy.knn``), or path to your own file: what trials are chosen by, on the cells
    that a task keeps for that and never judges in the end."""
    trials: Annotated[int, Ge(1)]
    """Settings that are tried on every dataset and task, each with all seeds on all splits."""
    per_round: Annotated[int, Ge(1)] = 4
    """Trials that are proposed together, from the values of all rounds before: as many can run at
    the same time."""


@dataclass(frozen=True, kw_only=True)
class RangeKeys:
    """What stands under a key that is searched in a range; both ends are part of it."""

    low: float
    high: float
    log: bool = False
    """Whether factors count rather than differences, as for a learning rate."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search, as it will be made for every dataset and task."""

    entry: Entry
    """A run with the fixed parameters, and with the first value of those that are searched."""
    metric: str
    """Its full name, or the path of the user's file, as given."""
    card: Metric
    trials: int
    per_round: int
    space: Space

    def resolved(self) -> dict[str, Any]:
        """What stands below its label in a study that leaves nothing open."""
        searched = {key: _as_said(one) for key, one in self.space.items()}
        own = {"metric": self.metric, "trials": self.trials, "per_round": self.per_round}
        return {VARIANT: self.entry.name, **own, **self.entry.resolved(), **searched}


def is_number(parameter: Parameter) -> bool:
    """Whether a parameter may be anything between two numbers, and so has ranges."""
    return "enum" not in parameter.schema and bool({"integer", "number"} & parameter.types)


def searches(
    section: Mapping[Any, Any], shared: Mapping[str, Any], resolver: Resolver
) -> list[Search]:
    """The sound searches of a study; ``shared`` are training keys that hold unless one says
    otherwise."""
    found = [_search(label, body, shared, resolver) for label, body in section.items()]
    return [search for search in found if search is not None]


def need_apart(found: Iterable[Search], entries: Iterable[Entry], resolver: Resolver) -> None:
    """No run may go by the name of a trial."""
    for search in found:
        for entry in entries:
            if number_in(entry.label.lower(), search.entry.label.lower()) is not None:
                expected = f"trials of {search.entry.place} go by such names"
                resolver.note(Finding(entry.place, entry.label, expected, "call one otherwise"))


def _search(label: Any, body: Any, shared: Mapping[str, Any], resolver: Resolver) -> Search | None:
    place, before = f"{SECTION}.{label}", len(resolver.findings)
    if isinstance(label, bool) or not is_safe(f"{label}{LONGEST}"):
        resolver.note(Finding(place, label, f"{SAFE_LABEL}, '{LONGEST}' included"))
    elif not isinstance(body, dict):
        resolver.note(Finding(place, body, "expected parameters, as 'name: value'"))
    else:
        return _sound(str(label), {**shared, **body}, place, before, resolver)
    return None


def _sound(
    label: str, given: dict[str, Any], place: str, before: int, resolver: Resolver
) -> Search | None:
    """The search that these keys make; None where anything is wrong with them."""
    own = {key: given.pop(key) for key in parameters_of(SearchKeys) if key in given}
    keys, metric = _own_keys(own, place, resolver)
    variant = given.pop(VARIANT, label)
    card = _variant(variant, f"{place}.{VARIANT}", resolver)
    if card is None:
        return None
    known = {**parameters_of(TrainingConfig), **parameters_of(card.config)}
    resolver.note(*unknown(given, known, place, [VARIANT, *parameters_of(SearchKeys)]))
    space = _space({key: given[key] for key in given if key in known}, known, place, resolver)
    tried = given | {key: _ends(one) for key, one in space.items()}
    for config in (TrainingConfig, card.config):
        # What is a mapping still is no sound range, and has been told.
        mine = {
            k: v for k, v in tried.items() if k in parameters_of(config) and not isinstance(v, dict)
        }
        resolver.check_all(config, mine, place)
    if not keys or len(resolver.findings) > before:
        return None
    _need_a_search(space, keys["trials"], place, resolver)
    base = {**given, **{key: _ends(one)[0] for key, one in space.items()}, VARIANT: str(variant)}
    entries = resolver.of_label("models", label, base, SECTION)
    if len(resolver.findings) > before:
        return None
    return Search(entry=entries[0], card=metric, space=space, **keys)


def _variant(name: Any, place: str, resolver: Resolver) -> Any | None:
    if isinstance(name, list):
        resolver.note(Finding(place, name, "expected one variant", "make a search of each"))
        return None
    return resolver.find("models", name, place)


def _own_keys(
    given: Mapping[str, Any], place: str, resolver: Resolver
) -> tuple[dict[str, Any], Any]:
    """What a search says of itself, empty if anything is wrong with that, and its metric's card."""
    metric, result = given.get("metric"), check(SearchKeys, given, place)
    found = resolver.find_metric(metric, f"{place}.metric") if isinstance(metric, str) else None
    if isinstance(result, list):
        resolver.note(*result)
        return {}, None
    name, card = found or (metric, None)
    return {**result.values, "metric": name}, card


def _space(
    given: Mapping[str, Any], known: Mapping[str, Parameter], place: str, resolver: Resolver
) -> Space:
    """What is searched: ranges are mappings, choices are lists."""
    space: Space = {}
    for key, value in given.items():
        parameter, here = known[key], f"{place}.{key}"
        if isinstance(value, dict):
            found = _range(value, parameter, here, resolver)
        elif isinstance(value, list) and _are_choices(value, parameter):
            found = _choices(value, parameter, here, resolver)
        else:
            continue
        if found:
            space[key] = found
    return space


def _are_choices(value: list[Any], parameter: Parameter) -> bool:
    """A parameter that takes a list as one value is searched over a list of lists."""
    return not parameter.is_list or (bool(value) and all(isinstance(one, list) for one in value))


def _choices(
    value: list[Any], parameter: Parameter, place: str, resolver: Resolver
) -> dict[str, Any]:
    choices = [_plain(one, parameter) for one in value]
    twice = [one for number, one in enumerate(choices) if one in choices[:number]]
    if len(choices) < 2:
        resolver.note(Finding(place, value, "expected two choices or more", "or one plain value"))
    elif twice:
        resolver.note(Finding(place, twice[0], "a choice stands twice"))
    return {"choices": choices}


def _range(
    value: Mapping[str, Any], parameter: Parameter, place: str, resolver: Resolver
) -> dict[str, Any]:
    """A range that can be searched; empty, with findings, where it cannot."""
    if not is_number(parameter):
        expected = f"only a number has a range; expected {parameter.range}"
        resolver.note(Finding(place, dict(value), expected, "list its choices"))
        return {}
    resolver.note(*unknown(value, parameters_of(RangeKeys), place, []))
    result = check(RangeKeys, value, place)
    if isinstance(result, list):
        resolver.note(*result)
        return {}
    log = result.values["log"]
    low, high = (_plain(value[end], parameter) for end in ("low", "high"))
    if low >= high:
        resolver.note(Finding(f"{place}.low", low, f"expected less than high, which is {high}"))
    elif log and low <= 0:
        resolver.note(Finding(f"{place}.low", low, "expected more than 0 where log is true"))
    return {"low": low, "high": high, "log": log, "whole": "number" not in parameter.types}


def _plain(value: Any, parameter: Parameter) -> Any:
    """A value as a plan holds it: a whole number is a fraction where fractions are meant."""
    value, fractional = (
        readable(value, parameter),
        {"number"} == parameter.types & {"number", "integer"},
    )
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and fractional else value


def _ends(one: Mapping[str, Any]) -> list[Any]:
    """The values that say whether all are allowed, first the one a template holds."""
    return one.get("choices") or [one["low"], one["high"]]


def _as_said(one: Mapping[str, Any]) -> Any:
    return one.get("choices") or {key: one[key] for key in ("low", "high", "log")}


def _need_a_search(space: Space, trials: int, place: str, resolver: Resolver) -> None:
    if not space:
        expected = "nothing to search: expected a range or a list of choices"
        resolver.note(Finding(place, None, expected, "a setting that is fixed belongs to runs:"))
        return
    n_settings = prod(_how_many(one) for one in space.values())
    if n_settings < trials:
        expected = f"there are only {n_settings} settings to try"
        fix = "ask for fewer trials, or list them under runs:"
        resolver.note(Finding(f"{place}.trials", trials, expected, fix))


def _how_many(one: Mapping[str, Any]) -> float:
    if "choices" in one:
        return len(one["choices"])
    return one["high"] - one["low"] + 1 if one["whole"] else float("inf")
