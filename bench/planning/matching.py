"""Matches the requirements of competitors with datasets and tasks, before the first job starts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from bench.core.dataset import KNOWN_TYPE, LABELS
from bench.core.errors import Finding, joined
from bench.core.task import ADDED, no_objections
from bench.planning.descriptions import Descriptions
from bench.training.config import FULL_BATCH

if TYPE_CHECKING:
    from bench.catalogue import Shelf
    from bench.core.readout import Readout
    from bench.planning.entries import Entry
    from bench.planning.search_keys import Search
    from bench.planning.study import Option, Study

GIVEN_LABELS = frozenset({*LABELS, KNOWN_TYPE})
GENE_NAMES = "name the column of var with symbols in the dataset's key gene_names"
ALWAYS = frozenset({"observed"})
"""Fields that every problem provides."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """Readouts and metrics of a competitor on a dataset and task, or why it cannot run there."""

    readouts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    problem: str = ""
    arrays: frozenset[str] = frozenset()
    """What metrics can be given of it there."""
    selects_by: tuple[str, ...] = ()
    """For a search: the readouts that its selection metric requires."""


class Matcher:
    """Matches the entries of one study."""

    def __init__(self, study: "Study", described: Descriptions) -> None:
        self.study, self.described = study, described
        self.everywhere = asked_everywhere(study)
        self._match = cache(self._matched)

    def provided(self, dataset: "Entry") -> frozenset[str]:
        """The fields that a dataset provides with its parameters."""
        return dataset.card.fields(dataset.config)

    def unposable(self, dataset: "Entry", task: "Entry") -> str:
        """Why a task cannot use a dataset; empty if it can."""
        lacking = task.card.needs - self.provided(dataset)
        if lacking:
            return _lacks(lacking, dataset)
        if task.card.objections is no_objections or task.config is None:
            return ""
        known = self.described.usable(dataset)
        if known is None or known.levels is None:
            return ""
        return joined(task.card.objections(known.levels, task.config))

    def without_genes(self, competitor: "Entry", dataset: "Entry", task: "Entry") -> str:
        """Why a competitor cannot predict held-out treatments by their genes; empty if it can."""
        if not (task.card.holds_out_treatments and getattr(competitor.card, "embeds_by_gene", 0)):
            return ""
        known = self.described.usable(dataset)
        if known is None or known.treatment_genes:
            return ""
        return f"no treatment has the name of a gene; {GENE_NAMES}"

    def match(self, competitor: "Entry", dataset: "Entry", task: "Entry") -> Match:
        """The match of a run or baseline; cached for all runs with the same card."""
        provided = self.provided(dataset)
        given = task.card.fields(provided)
        lacking = competitor.card.needs - given - ALWAYS
        if hidden := lacking & provided:
            return Match(problem=f"needs {words(hidden)}, which {task.place} hides")
        if not_added := lacking & ADDED:
            problem = f"needs {words(not_added)}, which {task.place} does not provide"
            return Match(problem=problem)
        if lacking:
            return Match(problem=_lacks(lacking, dataset))
        if reason := self.without_genes(competitor, dataset, task):
            return Match(problem=reason)
        if KNOWN_TYPE not in given and competitor.training.get("labelled_share"):
            return Match(problem=f"labelled_share: in {task.place} no cell is labelled")
        blind = task.card.must_read - competitor.card.needs
        if blind and competitor.shelf == "models":
            return Match(problem=f"does not read {words(blind)}, which {task.place} requires")
        labels = given & GIVEN_LABELS
        asks = task.card.readouts | {stem(name) for name in self.everywhere}
        answers = task.card.targets | (task.card.truths & provided)
        return self._match(asks, answers, competitor.shelf, competitor.card.can, labels)

    def match_search(self, search: "Search", dataset: "Entry", task: "Entry") -> Match:
        """The match of the trials of a search, with the readouts for their selection."""
        if not task.card.selects:
            problem = "the task keeps no cells for the selection of hyperparameters"
            return Match(problem=problem)
        match = self.match(search.entry, dataset, task)
        if match.problem:
            return match
        provided = self.provided(dataset)
        known = task.card.targets | (task.card.truths & provided)
        known |= task.card.fields(provided) & GIVEN_LABELS
        needed = self._fewest(match.readouts, search.card.needs, known)
        if not needed:
            problem = f"its metric needs {words(search.card.needs)}, which are not all available"
            return Match(problem=problem)
        return replace(match, selects_by=needed)

    def _fewest(
        self, readouts: tuple[str, ...], needs: frozenset[str], known: frozenset[str]
    ) -> tuple[str, ...]:
        """The smallest set of readouts for a metric; empty if the metric cannot be computed."""
        from bench.parts.scoring.derived import (
            with_derived,  # numpy: not needed to read a cached plan
        )

        def met(readouts_left: Iterable[str]) -> bool:
            return needs <= with_derived(
                known.union(*(self._arrays(name) for name in readouts_left))
            )

        readouts_left = list(readouts) if met(readouts) else []
        for name in readouts:
            if met(others := [one for one in readouts_left if one != name]):
                readouts_left = others
        return tuple(readouts_left)

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
            with_derived,  # numpy: not needed to read a cached plan
        )

        readouts = [
            name
            for name, option in self.study.readouts.items()
            if stem(name) in asks
            and _can_answer(shelf, can, option.card)
            and option.card.compared_with <= answers
            and _needed(option) <= labels
        ]
        arrays = [self._arrays(name) for name in readouts]
        available = with_derived(answers.union(labels, *arrays))
        metrics = [n for n, metric in self.study.metrics.items() if metric.card.needs <= available]
        if not readouts:
            problem = f"can {words(can)}, and no readout asked for is of that: {words(asks)}"
            return Match(problem=problem)
        if not metrics:
            return Match(problem="no metric of the study applies to it")
        return Match(
            readouts=tuple(sorted(readouts)), metrics=tuple(metrics), arrays=frozenset(available)
        )


def asked_everywhere(study: "Study") -> frozenset[str]:
    """Readouts that the study names and no task requests; every task requests these."""
    asked = frozenset().union(*(task.card.readouts for task in study.tasks))
    return frozenset(name for name in study.named_readouts if stem(name) not in asked)


def untrainable(entry: "Entry") -> Iterator[Finding]:
    """Findings for training keys of a run that its variant does not support."""
    for key, hook, word in (
        ("pretrain_epochs", entry.card.pretrain, "no pre-training"),
        ("restart_epochs", entry.card.reinitialise, "no restart"),
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
    """Why the KL warm-up cannot complete; empty if it can, or if this is not known yet.

    At this stage the number of steps is known for full batches only; training checks the other
    cases.
    """
    reach = training["max_epochs"]
    if training["batch_size"] != FULL_BATCH or training["kl_warmup_steps"] <= reach:
        return ""
    return f"a run has {reach} steps, so the KL terms never reach their full weight"


def _can_answer(shelf: "Shelf", can: frozenset[str], readout: "Readout") -> bool:
    """Whether a readout is asked of competitors of this kind that can this."""
    function = readout.of_variant if shelf == "models" else readout.of_baseline
    return readout.of in can and function is not None


def _lacks(fields: Iterable[str], dataset: "Entry") -> str:
    asked = sorted(set(fields) & dataset.card.on_request)
    keys = "its key" if len(asked) == 1 else "its keys"
    fix = f"; if the data have this, set {keys} {', '.join(asked)}" if asked else ""
    return f"needs {words(fields)}, which the dataset does not provide{fix}"


def _needed(readout: "Option") -> frozenset[str]:
    """The labels that a readout requires with its options."""
    from bench.planning.parameters import parse  # pydantic: not needed to read a cached plan

    return readout.card.labels(parse(readout.card.config, readout.values))


def words(names: Iterable[str]) -> str:
    """The names as text."""
    return ", ".join(sorted(names))


def stem(name: str) -> str:
    """The name of a contribution without folders and suffix."""
    return name.rpartition("/")[2].removesuffix(".py")
