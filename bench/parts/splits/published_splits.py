"""The split of cells that is shared by both published tasks about combinations.

    cells of combinations       20 % test; of the others 20 % validation, the rest training
    controls, single ones       20 % validation, the rest training; none is tested

As published, the split uses ``train_test_split`` of scikit-learn with the seeds 0, 1, … as
``random_state``, without stratification.  It reproduces the split of the paper only if the data
have the same cells in the same order.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794; code at insitro/sams-vae (10d781c).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.parts.perturbations.effects import observed_effects
from bench.parts.splits.label_levels import perturbations_of
from bench.parts.splits.perturbation_splits import (
    EFFECT_TARGETS,
    Names,
    Rows,
    combinations_in,
    other_cells,
    perturbation_problem,
)

PUBLISHED = "data_effect_as_published"
PUBLISHED_TARGETS = EFFECT_TARGETS | {PUBLISHED}
"""Targets of both tasks."""

SHARE = 0.2
"""Share of test cells, and of validation cells among the others."""


def objections(levels: Levels, config: Any) -> list[Finding]:
    """A finding if there are no combinations."""
    if len(combinations_in(perturbations_of(levels))):
        return []
    reason = "no cell has two treatments"
    return [Finding("perturbation", None, reason, "use a dataset with combinations")]


def published_split(perturbation: Names, seed: int) -> tuple[NDArray[np.int8], Rows]:
    """(cell,) roles, and the training cells of combinations in their random order."""
    from sklearn.model_selection import train_test_split

    combinations = combinations_in(perturbation)
    combined = np.isin(perturbation, combinations)
    role = np.full(len(perturbation), TRAIN, dtype=np.int8)
    _, single = train_test_split(np.flatnonzero(~combined), test_size=SHARE, random_state=seed)
    seen, test = train_test_split(np.flatnonzero(combined), test_size=SHARE, random_state=seed)
    train, validation = train_test_split(seen, test_size=SHARE, random_state=seed)
    role[single] = role[validation] = VALIDATION
    role[test] = TEST
    return role, train


def published_problem(data: CountData, role: NDArray[np.int8]) -> Problem:
    """The problem with these roles and with target effects among all cells, of any role.

    The target ``data_effect_as_published``, also for the selection, contains the same effects for
    the published metrics.
    """
    perturbation = data.labels["perturbation"]
    everywhere = np.arange(len(perturbation))
    problem = perturbation_problem(data, role, other_cells(perturbation, role), everywhere)
    names, effect = observed_effects(data.counts, perturbation, everywhere, data.measured)
    answers, selection_answers = (
        {**known, PUBLISHED: effect[np.searchsorted(names, known["perturbation_names"])]}
        for known in (problem.targets, problem.selection_targets)
    )
    return replace(problem, targets=answers, selection_targets=selection_answers)
