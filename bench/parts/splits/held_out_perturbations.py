"""Shared code of tasks with held-out perturbations, after the choice of perturbations."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from bench.core.dataset import CONTROL, CountData
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem
from bench.parts.perturbations.treatments import perturbations_in
from bench.parts.splits.cell_splits import ranks
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.perturbation_splits import (
    EVERY_PART,
    Names,
    other_cells,
    perturbation_problem,
    refuse_few_cells,
    roles_by_rank,
)


@dataclass(frozen=True, kw_only=True)
class HeldOutShares:
    """Shares of cells, for tasks with held-out perturbations."""

    validation: Annotated[float, Gt(0), Lt(1)] = 0.16
    """Validation share of the cells of training perturbations."""
    test_controls: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the controls that is scored with the test perturbations."""
    duplicate: Annotated[float, Gt(0), Lt(1)] = 0.5
    """Share of the cells of a test perturbation that is reserved for the ceiling and not scored."""


def held_out_problem(
    data: CountData, left_out: Names, test: Names, shares: HeldOutShares, rng: np.random.Generator
) -> Problem:
    """Training on all perturbations except the held-out ones, some of which are tested.

    Only ceilings use the unscored cells of a test perturbation.  The random numbers of the cells do
    not depend on the perturbations.  Raises if a perturbation has too few cells.
    """
    for_roles, for_duplicates = rng.spawn(2)
    groups = copy_groups(data)
    perturbation = data.labels["perturbation"]
    test_share = np.where(perturbation == CONTROL, shares.test_controls, 0)
    role = roles_by_rank(ranks(perturbation, for_roles, groups), test_share, shares.validation)
    role[np.isin(perturbation, left_out)] = UNUSED
    duplicate = ranks(perturbation, for_duplicates, groups) < shares.duplicate
    role[np.isin(perturbation, test) & ~duplicate] = TEST
    trained = perturbations_in(perturbation[np.isin(role, (TRAIN, VALIDATION))]).tolist()
    needed = dict.fromkeys(trained, (TRAIN,)) | dict.fromkeys(test.tolist(), (TEST, UNUSED))
    refuse_few_cells(perturbation, role, {CONTROL: EVERY_PART, **needed})
    return perturbation_problem(data, role, other_cells(perturbation, role))
