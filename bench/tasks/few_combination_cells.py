"""Training with few cells of each combination: how much do they improve predicted effects?

    combinations     test, validation and training cells in their shares within each combination;
                     only ``fraction`` of the last two is used, within each combination
    controls         test, validation and training cells in the same shares
    single ones      validation and training cells

The test cells of all combinations are scored, together with controls for the effects.  Validation
contains combinations in the same proportion as training, so that early stopping uses no further
cells of combinations.  With the same split a larger ``fraction`` only adds cells.  At 0, treatments
that occur only in combinations have no training cells; their combinations are scored nevertheless.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from bench.core.dataset import CONTROL, CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import TEST, TRAIN, UNUSED, Problem
from bench.parts.perturbations.treatments import perturbations_in
from bench.parts.splits.cell_splits import need_training, ranks
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.effect_task import effect_task
from bench.parts.splits.label_levels import perturbations_of
from bench.parts.splits.perturbation_splits import (
    EVERY_PART,
    FEWEST_JUDGED,
    combinations_in,
    other_cells,
    perturbation_problem,
    refuse_few_cells,
    roles_by_rank,
)


@dataclass(frozen=True, kw_only=True)
class FewCombinationCellsConfig:
    """Training share of the combinations, and shares of cells."""

    fraction: Annotated[float, Ge(0), Le(1)] = 0.5
    """Share of the training and validation cells of every combination that is used."""
    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the cells of every combination, and of the controls."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.16
    """Share of the cells of every perturbation, and of the controls."""

    def __post_init__(self) -> None:
        need_training(test=self.test, validation=self.validation)


def make_problem(
    data: CountData, config: FewCombinationCellsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles of cells within each perturbation.  Raises with all perturbations of too few cells."""
    for_roles, for_fraction = rng.spawn(2)
    groups = copy_groups(data)
    perturbation = data.labels["perturbation"]
    combinations = combinations_in(perturbation)
    combined = np.isin(perturbation, combinations)
    test_share = np.where(combined | (perturbation == CONTROL), config.test, 0)
    role = roles_by_rank(ranks(perturbation, for_roles, groups), test_share, config.validation)
    needed = dict.fromkeys(perturbations_in(perturbation).tolist(), (TRAIN,))
    needed |= dict.fromkeys(combinations.tolist(), (TRAIN, TEST))
    refuse_few_cells(perturbation, role, {CONTROL: EVERY_PART, **needed})
    within = np.char.add(perturbation, role.astype(str))
    used = ranks(within, for_fraction, groups) < config.fraction
    role[combined & (role != TEST) & ~used] = UNUSED
    return perturbation_problem(data, role, other_cells(perturbation, role))


def objections(levels: Levels, config: FewCombinationCellsConfig) -> list[Finding]:
    """A finding if there are too few combinations."""
    n_combinations = len(combinations_in(perturbations_of(levels)))
    if n_combinations >= FEWEST_JUDGED:
        return []
    expected = f"there are {n_combinations}, and {FEWEST_JUDGED} needed"
    return [Finding("combinations", None, expected)]


TASK = effect_task(
    label="few combination cells",
    config=FewCombinationCellsConfig,
    make_problem=make_problem,
    objections=objections,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
