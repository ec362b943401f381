"""Cells of every perturbation are held out: how well are effects of trained perturbations known?

A share of the cells of every perturbation and of the control serves for validation and test; the
test cells are scored.  The ceiling uses the other cells of a perturbation: the baseline
``split_half`` predicts the effect among the test cells by that among the training cells.  The task
contains no unseen perturbations; for these, see ``unseen_combinations``.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from bench.core.dataset import CONTROL, CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import TRAIN, Problem
from bench.parts.splits.cell_splits import need_training, roles
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.effect_task import effect_task
from bench.parts.splits.perturbation_splits import (
    EVERY_PART,
    perturbation_problem,
    refuse_few_cells,
)


@dataclass(frozen=True, kw_only=True)
class SeenPerturbationsConfig:
    """Shares of the cells of every perturbation."""

    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    validation: Annotated[float, Gt(0), Lt(1)] = 0.16

    def __post_init__(self) -> None:
        need_training(test=self.test, validation=self.validation)


def make_problem(
    data: CountData, config: SeenPerturbationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles of cells within each perturbation.  Raises with all perturbations of too few cells."""
    fractions = {"test": config.test, "validation": config.validation}
    perturbation = data.labels["perturbation"]
    role = roles(len(perturbation), fractions, rng, perturbation, copy_groups(data))
    everybody = np.union1d(perturbation, [CONTROL]).tolist()
    refuse_few_cells(perturbation, role, dict.fromkeys(everybody, EVERY_PART))
    return perturbation_problem(data, role, np.flatnonzero(role == TRAIN))


def objections(levels: Levels, config: SeenPerturbationsConfig) -> list[Finding]:
    """Findings for perturbations with fewer cells than there are parts."""
    fewest, fix = len(EVERY_PART), "set min_cells of an h5ad dataset, or merge them"
    return [
        Finding(f"perturbation {name}", None, f"has {n} cells; needs at least {fewest}", fix)
        for name, n in levels["perturbation"].items()
        if n < fewest
    ]


TASK = effect_task(
    label="seen perturbations",
    config=SeenPerturbationsConfig,
    make_problem=make_problem,
    objections=objections,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
