"""The section ``search:`` of a study: search space, metric, number of trials.

As for all entries of a study, functions record findings and do not raise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

from annotated_types import Ge

from bench.core.errors import Finding
from bench.core.metric import Metric
from bench.planning import named_datasets
from bench.planning.entries import SAFE_LABEL, Entry, Resolver
from bench.planning.parameters import Parameter, check, parameters_of, readable, unknown
from bench.planning.search.trials import LONGEST, number_in
from bench.planning.shelves import NAMED_BY
from bench.planning.sweeps import is_safe
from bench.training.config import TrainingConfig

SECTION = "search"
VARIANT = NAMED_BY["models"]

Space = dict[str, dict[str, Any]]
"""By key: ``low``, ``high``, ``log`` and ``whole``, or ``choices``."""


@dataclass(frozen=True, kw_only=True)
class SearchKeys:
    """The keys of a search in addition to its variant and the parameters of the variant."""

    metric: str
    """Name (``accuracy.knn``), or path to your own file: what trials are chosen by, on the cells
    that a task keeps for that and never judges in the end."""
    trials: Annotated[int, Ge(1)]
    """Number of settings per dataset and task, each with all seeds on all splits."""
    per_round: Annotated[int, Ge(1)] = 4
    """Number of trials that one round proposes from the values of all earlier rounds; these trials
    can run at the same time."""


@dataclass(frozen=True, kw_only=True)
class RangeKeys:
    """The keys of a range; the range includes both ends."""

    low: float
    high: float
    log: bool = False
    """Search on a logarithmic scale, as for a learning rate."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search, which runs for every dataset and task."""

    entry: Entry
    """A run with the fixed parameters and the first value of every searched parameter."""
    metric: str
    """Its full name, or the path of the user's file, as given."""
    card: Metric
    trials: int
    per_round: int
    space: Space

    def resolved(self) -> dict[str, Any]:
        """The content below its label in a study with all values explicit."""
        searched = {key: _as_said(one) for key, one in self.space.items()}
        own = {"metric": self.metric, "trials": self.trials, "per_round": self.per_round}
        return {VARIANT: self.entry.name, **own, **self.entry.resolved(), **searched}


def is_number(parameter: Parameter) -> bool:
    """Whether a parameter is a number, so that it can have a range."""
    return "enum" not in parameter.schema and bool({"integer", "number"} & parameter.types)


def searches(
    section: Mapping[Any, Any], shared: Mapping[str, Any], resolver: Resolver
) -> list[Search]:
    """The valid searches of a study; ``shared`` are training keys that apply unless a search sets
    them."""
    found = [_search(label, body, shared, resolver) for label, body in section.items()]
    return [search for search in found if search is not None]


def need_apart(found: Iterable[Search], entries: Iterable[Entry], resolver: Resolver) -> None:
    """Check that no run has the name of a trial."""
    for search in found:
        for entry in entries:
            if number_in(entry.label.lower(), search.entry.label.lower()) is not None:
                expected = f"trials of {search.entry.place} have such names"
                resolver.note(
                    Finding(entry.place, entry.label, expected, "rename the run or the search")
                )


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
    """The search with these keys; None if any of them is invalid."""
    own = {key: given.pop(key) for key in parameters_of(SearchKeys) if key in given}
    keys, metric = _own_keys(own, place, resolver)
    variant = given.pop(VARIANT, label)
    where = named_datasets.take("models", given, place, resolver)
    card = _variant(variant, f"{place}.{VARIANT}", resolver)
    if card is None:
        return None
    known = {**parameters_of(TrainingConfig), **parameters_of(card.config)}
    also = [VARIANT, named_datasets.KEY, *parameters_of(SearchKeys)]
    resolver.note(*unknown(given, known, place, also))
    space = _space({key: given[key] for key in given if key in known}, known, place, resolver)
    tried = given | {key: _ends(one) for key, one in space.items()}
    for config in (TrainingConfig, card.config):
        # A value that is still a mapping is an invalid range, which has a finding already.
        mine = {
            k: v for k, v in tried.items() if k in parameters_of(config) and not isinstance(v, dict)
        }
        resolver.check_all(config, mine, place)
    if not keys or metric is None or len(resolver.findings) > before:
        return None
    _need_a_search(space, keys["trials"], place, resolver)
    base = {**given, **{key: _ends(one)[0] for key, one in space.items()}, VARIANT: str(variant)}
    base |= named_datasets.resolved(where)
    entries = resolver.of_label("models", label, base, SECTION)
    if len(resolver.findings) > before:
        return None
    return Search(entry=entries[0], card=metric, space=space, **keys)


def _variant(name: Any, place: str, resolver: Resolver) -> Any | None:
    if isinstance(name, list):
        resolver.note(
            Finding(place, name, "expected one variant", "write one search for each variant")
        )
        return None
    return resolver.find("models", name, place)


def _own_keys(
    given: Mapping[str, Any], place: str, resolver: Resolver
) -> tuple[dict[str, Any], Any]:
    """The keys of a search (empty if any is invalid) and the card of its metric."""
    result = check(SearchKeys, given, place)
    metric = given.get("metric") if isinstance(result, list) else result.values["metric"]
    found = resolver.find_metric(metric, f"{place}.metric") if isinstance(metric, str) else None
    if isinstance(result, list):
        resolver.note(*result)
        return {}, None
    name, card = found or (metric, None)
    return {**result.values, "metric": name}, card


def _space(
    given: Mapping[str, Any], known: Mapping[str, Parameter], place: str, resolver: Resolver
) -> Space:
    """The search space: ranges are mappings, choices are lists."""
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
    """Whether a list has choices; for a parameter that is a list, choices are a list of lists."""
    return not parameter.is_list or (bool(value) and all(isinstance(one, list) for one in value))


def _choices(
    value: list[Any], parameter: Parameter, place: str, resolver: Resolver
) -> dict[str, Any]:
    choices = [_plain(one, parameter) for one in value]
    twice = [one for number, one in enumerate(choices) if one in choices[:number]]
    if len(choices) < 2:
        resolver.note(Finding(place, value, "expected two or more choices", "or one plain value"))
    elif twice:
        resolver.note(Finding(place, twice[0], "duplicate choice"))
    return {"choices": choices}


def _range(
    value: Mapping[str, Any], parameter: Parameter, place: str, resolver: Resolver
) -> dict[str, Any]:
    """A valid range; empty, with findings, if it is invalid."""
    if not is_number(parameter):
        expected = f"only a number can have a range; expected {parameter.range}"
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
        resolver.note(Finding(f"{place}.low", low, f"expected a value below high, which is {high}"))
    elif log and low <= 0:
        resolver.note(Finding(f"{place}.low", low, "expected more than 0 because log is true"))
    return {"low": low, "high": high, "log": log, "whole": "number" not in parameter.types}


def _plain(value: Any, parameter: Parameter) -> Any:
    """A value as in the plan: an integer becomes a float if the parameter is a float."""
    value, fractional = (
        readable(value, parameter),
        {"number"} == parameter.types & {"number", "integer"},
    )
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and fractional else value


def _ends(one: Mapping[str, Any]) -> list[Any]:
    """The values that decide whether all are valid; the template uses the first."""
    return one["choices"] if "choices" in one else [one["low"], one["high"]]


def _as_said(one: Mapping[str, Any]) -> Any:
    return one.get("choices") or {key: one[key] for key in ("low", "high", "log")}


def _need_a_search(space: Space, trials: int, place: str, resolver: Resolver) -> None:
    if not space:
        expected = "nothing to search: expected a range or a list of choices"
        resolver.note(Finding(place, None, expected, "fixed settings belong under runs:"))
        return
    n_settings = prod(_how_many(one) for one in space.values())
    if n_settings < trials:
        expected = f"the search space has only {n_settings} settings"
        fix = "use fewer trials, or list the settings under runs:"
        resolver.note(Finding(f"{place}.trials", trials, expected, fix))


def _how_many(one: Mapping[str, Any]) -> float:
    if "choices" in one:
        return len(one["choices"])
    return one["high"] - one["low"] + 1 if one["whole"] else float("inf")
