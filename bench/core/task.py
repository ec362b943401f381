"""The card a task file ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.dataset import KNOWN_TYPE, CountData
from bench.core.problem import Problem

ADDED = frozenset({KNOWN_TYPE, "duplicate", "all_cells"})
"""Fields that no dataset has and only a task can tell.

``known_type`` is the cell type where it is known; with ``duplicate`` a ceiling is given the effects
among other cells; with ``all_cells`` no cell is held back: each may be fitted as it is scored.
"""


@dataclass(frozen=True, kw_only=True)
class Controls:
    """The baselines between which scores of a task are scaled, by their names.

    Of each, the first counts that a study has a score of; without any, the first of the study's
    baselines with that role.
    """

    floors: tuple[str, ...] = ()
    ceilings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """How a dataset is turned into something to learn and something to be judged on.

    The card a file in ``bench/tasks`` ends with, under the name ``TASK``.
    """

    label: str
    config: type
    make_problem: Callable[[CountData, Any, int, np.random.Generator], Problem]
    """(data, config, split from 1, the split's own generator) -> problem."""
    needs: frozenset[str] = frozenset({"counts"})
    """Fields the dataset must provide."""
    hides: frozenset[str] = frozenset()
    """Fields of the dataset that no competitor is given."""
    adds: frozenset[str] = frozenset()
    """Of :data:`ADDED`, what competitors are given here."""
    must_read: frozenset[str] = frozenset()
    """Fields a variant must read to be fair here (``observed`` where entries are missing)."""
    readouts: frozenset[str]
    """Readouts that mean something in this task."""
    targets: frozenset[str]
    """Names of the arrays that metrics compare with; those about effects only where cells are
    perturbed."""
    truths: frozenset[str] = frozenset()
    """Truths that metrics are given as well, under their own names, where the dataset has them."""
    selects: bool = False
    """Whether its problems keep cells that a search may select hyperparameters by."""
    ranked_by: str
    """The metric the leaderboard of this task is sorted by."""
    controls: Controls = Controls()
    """Between which baselines its scores are scaled."""
    reference: str

    def fields(self, provided: frozenset[str]) -> frozenset[str]:
        """What competitors are given of a dataset that provides these fields."""
        return (provided - self.hides) | self.adds
