"""The card at the end of a task file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.dataset import KNOWN_TYPE, CountData, Levels, levels_of_labels
from bench.core.errors import MOST_LISTED, Finding, UserError
from bench.core.problem import Problem

ADDED = frozenset({KNOWN_TYPE, "duplicate", "all_cells"})
"""Fields that only a task can provide.

``known_type`` is the cell type of labelled cells; ``duplicate`` gives a ceiling the effects among
other cells; with ``all_cells`` no cell is held out: competitors may fit every scored cell.
"""


@dataclass(frozen=True, kw_only=True)
class Controls:
    """Names of the baselines between which the scores of a task are scaled.

    The report uses the first of each list that the study has a score of; without any, the first
    baseline of the study with that role.
    """

    floors: tuple[str, ...] = ()
    ceilings: tuple[str, ...] = ()


def no_objections(levels: Levels, config: Any) -> list[Finding]:
    """No objection to any labels."""
    return []


@dataclass(frozen=True, kw_only=True)
class Task:
    """Turns a dataset into a problem with inputs and targets.

    Every file in ``bench/tasks`` ends with such a card, named ``TASK``.
    """

    label: str
    config: type
    make_problem: Callable[[CountData, Any, int, np.random.Generator], Problem]
    """(data, config, split from 1, generator of the split) -> problem, of data without
    objections."""
    needs: frozenset[str] = frozenset({"counts"})
    """Fields the dataset must provide."""
    objections: Callable[[Levels, Any], list[Finding]] = no_objections
    """(levels of the labels, config) -> why no problem can be made of such data.  A study skips the
    task on such a dataset; :meth:`problem_of` raises the same findings."""
    holds_out_treatments: bool = False
    """Whether scored treatments have no training cells."""
    hides: frozenset[str] = frozenset()
    """Fields of the dataset that the task hides from all competitors."""
    adds: frozenset[str] = frozenset()
    """Fields from :data:`ADDED` that competitors receive in this task."""
    must_read: frozenset[str] = frozenset()
    """Fields that a variant must use in this task (``observed`` if entries are missing)."""
    readouts: frozenset[str]
    """Readouts that are computed in this task."""
    targets: frozenset[str]
    """Names of the targets of metrics; targets about effects exist only if cells are perturbed."""
    truths: frozenset[str] = frozenset()
    """True values that metrics also receive, under their own names, if the dataset has them."""
    selects: bool = False
    """Whether its problems have cells for the selection of hyperparameters by a search."""
    ranked_by: str
    """The metric that sorts the leaderboard of this task."""
    controls: Controls = Controls()
    """The baselines between which its scores are scaled."""
    reference: str

    def problem_of(
        self, data: CountData, config: Any, split: int, generator: np.random.Generator
    ) -> Problem:
        """The problem.  Raises :class:`UserError` with the objections, or as ``make_problem``."""
        if findings := self.objections(levels_of_labels(data.labels), config):
            heading = f"The task {self.label} cannot use these data:"
            raise UserError(heading, findings, most=MOST_LISTED)
        return self.make_problem(data, config, split, generator)

    def fields(self, provided: frozenset[str]) -> frozenset[str]:
        """The fields that competitors receive from a dataset that provides these fields."""
        return (provided - self.hides) | self.adds
