"""Needs matched with provisions, before the first job starts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from bench.core.dataset import KNOWN_TYPE, LABELS
from bench.core.errors import Finding
from bench.core.task import TOLD
from bench.training.config import FULL_BATCH

if TYPE_CHECKING:
    from bench.catalogue import Shelf
    from bench.core.readout import Readout
    from bench.planning.entries import Entry
    from bench.planning.search_keys import Search
    from bench.planning.study import Option, Study

GIVEN_LABELS = frozenset({*LABELS, KNOWN_TYPE})
ALWAYS = frozenset({"observed"})
"""Every problem says which of its entries may be looked at."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a competitor does on a dataset posed as a task, or why it cannot."""

    readouts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    problem: str = ""
    unscored: bool = False
    """Whether the problem is that it has nothing there that could be scored."""
    selects_by: tuple[str, ...] = ()
    """Of a search: the readouts that the metric it selects by needs."""


class Matcher:
    """Matches the entries of one study."""

    def __init__(self, study: "Study") -> None:
        self.study = study
        self.everywhere = asked_everywhere(study)
        self._match = cache(self._matched)

    def provided(self, dataset: "Entry") -> frozenset[str]:
        """The fields a dataset provides with its parameters."""
        return dataset.card.fields(dataset.config)

    def unposable(self, dataset: "Entry", task: "Entry") -> str:
        """Why a dataset cannot be posed as a task; empty where it can."""
        lacking = task.card.needs - self.provided(dataset)
        return _lacks(lacking, dataset) if lacking else ""

    def match(self, competitor: "Entry", dataset: "Entry", task: "Entry") -> Match:
        """What a run or baseline does there.  One answer serves all runs of the same card."""
        provided = self.provided(dataset)
        given = task.card.fields(provided)
        lacking = competitor.card.needs - given - ALWAYS
        # What a task hides or does not tell is no fault of the data: there is nothing to do there.
        if hidden := lacking & provided:
            return Match(problem=f"needs {_words(hidden)}, which {task.place} hides", unscored=True)
        if untold := lacking & TOLD:
            problem = f"needs {_words(untold)}, which {task.place} does not tell"
            return Match(problem=problem, unscored=True)
        if lacking:
            return Match(problem=_lacks(lacking, dataset))
        if KNOWN_TYPE not in given and competitor.training.get("labelled_share"):
            return Match(problem=f"labelled_share: in {task.place} no cell is labelled")
        blind = task.card.demands - competitor.card.needs
        if blind and competitor.shelf == "models":
            return Match(problem=f"does not read {_words(blind)}, which {task.place} demands")
        labels = given & GIVEN_LABELS
        asks = task.card.asks | {_stem(name) for name in self.everywhere}
        answers = task.card.answers | (task.card.reveals & provided)
        return self._match(asks, answers, competitor.shelf, competitor.card.can, labels)

    def match_search(self, search: "Search", dataset: "Entry", task: "Entry") -> Match:
        """What the trials of a search do there, and what they are selected by."""
        if not task.card.selects:
            problem = "the task keeps no cells that hyperparameters could be selected by"
            return Match(problem=problem, unscored=True)
        match = self.match(search.entry, dataset, task)
        if match.problem:
            return match
        provided = self.provided(dataset)
        known = task.card.answers | (task.card.reveals & provided)
        known |= task.card.fields(provided) & GIVEN_LABELS
        needed = self._fewest(match.readouts, search.card.needs, known)
        if not needed:
            problem = f"its metric needs {_words(search.card.needs)}, which is not all there"
            return Match(problem=problem, unscored=True)
        return replace(match, selects_by=needed)

    def _fewest(
        self, readouts: tuple[str, ...], needs: frozenset[str], known: frozenset[str]
    ) -> tuple[str, ...]:
        """The readouts without which a metric could not be had; none where it cannot be had."""
        from bench.parts.scoring.derived import (
            with_derived,  # numpy: not needed to read a kept plan
        )

        def met(kept: Iterable[str]) -> bool:
            return needs <= with_derived(known.union(*(self._arrays(name) for name in kept)))

        kept = list(readouts) if met(readouts) else []
        for name in readouts:
            if met(others := [one for one in kept if one != name]):
                kept = others
        return tuple(kept)

    def _arrays(self, readout: str) -> frozenset[str]:
        card: Readout = self.study.readouts[readout].card
        return card.arrays

    def _matched(
        self,
        asks: frozenset[str],
        answers: frozenset[str],
        shelf: "Shelf",
        can: frozenset[str],
        labels: frozenset[str],
    ) -> Match:
        from bench.parts.scoring.derived import (
            with_derived,  # numpy: not needed to read a kept plan
        )

        readouts = [
            name
            for name, option in self.study.readouts.items()
            if _stem(name) in asks
            and _can_answer(shelf, can, option.card)
            and option.card.compared_with <= answers
            and _needed(option) <= labels
        ]
        arrays = [self._arrays(name) for name in readouts]
        available = with_derived(answers.union(labels, *arrays))
        metrics = [n for n, metric in self.study.metrics.items() if metric.card.needs <= available]
        if not readouts:
            problem = f"can {_words(can)}, and no readout asked for is of that: {_words(asks)}"
            return Match(problem=problem, unscored=True)
        if not metrics:
            return Match(problem="none of the study's metrics applies to it", unscored=True)
        return Match(readouts=tuple(sorted(readouts)), metrics=tuple(metrics))


def asked_everywhere(study: "Study") -> frozenset[str]:
    """The readouts a study names that none of its tasks asks for: every task asks for these."""
    asked = frozenset().union(*(task.card.asks for task in study.tasks))
    return frozenset(name for name in study.named_readouts if _stem(name) not in asked)


def unmet_readouts(study: "Study", used: Iterable[str]) -> list[Finding]:
    """A finding for every readout the study asks for everywhere and gets nowhere."""
    found = []
    for name in sorted(asked_everywhere(study) - set(used)):
        wanted = study.readouts[name].card.compared_with
        reason = "given by nothing that this study runs on its data"
        if wanted and not any(wanted <= task.card.answers for task in study.tasks):
            reason = f"compared with {_words(wanted)}, which no task of this study has"
        found.append(Finding(f"readouts.{name}", None, reason))
    return found


def unmet_metrics(study: "Study", used: Iterable[str]) -> list[Finding]:
    """A finding for every metric the study names that nothing it runs can be scored by."""
    return [
        Finding("metrics", name, f"met nowhere; it needs {_words(study.metrics[name].card.needs)}")
        for name in sorted(study.named_metrics & set(study.metrics) - set(used))
    ]


def untrainable(entry: "Entry") -> Iterator[Finding]:
    """What a run asks of its training that it cannot have."""
    for key, hook, word in (
        ("pretrain_epochs", entry.card.pretrain, "no pre-training"),
        ("restart_epochs", entry.card.reinitialise, "nothing to start anew from"),
    ):
        epochs = entry.training.get(key)
        if epochs and hook is None:
            yield Finding(f"{entry.place}.{key}", epochs, f"this variant has {word}")
    reason = warmup_beyond_reach(entry.training) if entry.training else ""
    if reason:
        yield Finding(f"{entry.place}.kl_warmup_steps", entry.training["kl_warmup_steps"], reason)
    reason = entry.card.validate(entry.config, entry.training) if entry.config else ""
    if reason:
        yield Finding(entry.place, None, reason)


def warmup_beyond_reach(training: Mapping[str, Any]) -> str:
    """What is wrong with the KL warm-up; empty where nothing is, or where it cannot be told yet.

    Before a dataset is posed only full batches tell how many steps there will be; training itself
    refuses the rest.
    """
    reach = training["max_epochs"]
    if training["batch_size"] != FULL_BATCH or training["kl_warmup_steps"] <= reach:
        return ""
    return f"a run takes {reach} steps, so the KL terms never get their full weight"


def _can_answer(shelf: "Shelf", can: frozenset[str], readout: "Readout") -> bool:
    """Whether a readout is asked of competitors of this kind that can this."""
    function = readout.of_variant if shelf == "models" else readout.of_baseline
    return readout.of in can and function is not None


def _lacks(fields: Iterable[str], dataset: "Entry") -> str:
    return f"needs {_words(fields)}, not provided by {dataset.place}"


def _needed(readout: "Option") -> frozenset[str]:
    """The labels a readout needs with its options."""
    from bench.planning.parameters import parse  # pydantic: not needed to read a kept plan

    return readout.card.labels(parse(readout.card.config, readout.values))


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".py")
