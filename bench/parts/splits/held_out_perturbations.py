"""Problems in which whole perturbations are held out: what they share once these are drawn."""

from typing import Protocol

import numpy as np

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


class Shares(Protocol):
    """What the configurations of these tasks have in common."""

    @property
    def validation(self) -> float:
        """Share of the cells of everything that is trained on."""

    @property
    def test_controls(self) -> float:
        """Share of the controls that is scored."""

    @property
    def duplicate(self) -> float:
        """Share of the cells of a test perturbation that is not scored."""


def held_out_problem(
    data: CountData, left_out: Names, test: Names, shares: Shares, rng: np.random.Generator
) -> Problem:
    """The problem of training on all perturbations but those left out, of which some are tested.

    The rest of a test perturbation's cells is known to ceilings only.  What is drawn for the cells
    does not depend on the perturbations.  Raises where one of these has too few cells.
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
