"""The split of cells that both published tasks about combinations start from.

    cells of combinations       20 % test; of the others 20 % validation, the rest training
    controls, single ones       20 % validation, the rest training; none is tested

Drawn as published, with the seeds 0, 1, … as ``random_state`` of scikit-learn's
``train_test_split``, and not stratified.  The very cells of the paper come of it only where the
data have its cells in its order.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794; code at insitro/sams-vae (10d781c).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.parts.perturbations.effects import observed_effects
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
"""What the metrics of both tasks compare with."""

SHARE = 0.2
"""Of the test cells, and of the validation cells among the others."""


def published_split(perturbation: Names, seed: int) -> tuple[NDArray[np.int8], Rows]:
    """(cell,) roles, and the training cells of combinations in the order they were drawn.

    Raises UserError where there are no combinations.
    """
    from sklearn.model_selection import train_test_split

    combinations = combinations_in(perturbation)
    if not len(combinations):
        raise mistake("perturbation", None, "no cell was given two treatments", "use other data")
    combined = np.isin(perturbation, combinations)
    role = np.full(len(perturbation), TRAIN, dtype=np.int8)
    _, single = train_test_split(np.flatnonzero(~combined), test_size=SHARE, random_state=seed)
    seen, test = train_test_split(np.flatnonzero(combined), test_size=SHARE, random_state=seed)
    train, validation = train_test_split(seen, test_size=SHARE, random_state=seed)
    role[single] = role[validation] = VALIDATION
    role[test] = TEST
    return role, train


def published_problem(data: CountData, role: NDArray[np.int8]) -> Problem:
    """The problem of these roles, its effects those among all cells, whatever their role.

    These are answers under a name of their own too, ``data_effect_as_published``, for the cells of
    the selection as well: what the published metrics of effects compare with.
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
