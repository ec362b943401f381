"""Cells of every perturbation are held out: how well are effects known that were seen?

Every perturbation, and the control, gives its share of cells to validation and test; the test cells
are scored.  The other cells of a perturbation are its ceiling: the baseline ``split_half`` predicts
the effect among the test cells by that among the training cells.  Blind to perturbations that
were not seen: that is what ``unseen_combinations`` asks.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from bench.core.dataset import CONTROL, CountData
from bench.core.problem import TRAIN, Problem
from bench.core.task import Task
from bench.parts.splits.cell_splits import roles
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.perturbation_splits import (
    EFFECT_CONTROLS,
    EFFECT_TARGETS,
    EVERY_PART,
    REVEALED,
    perturbation_problem,
    refuse_few_cells,
)


@dataclass(frozen=True, kw_only=True)
class SeenPerturbationsConfig:
    """Shares of the cells of every perturbation."""

    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    validation: Annotated[float, Gt(0), Lt(1)] = 0.16


def make_problem(
    data: CountData, config: SeenPerturbationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by cell, by perturbation.  Raises with all perturbations of too few cells."""
    fractions = {"test": config.test, "validation": config.validation}
    perturbation = data.labels["perturbation"]
    role = roles(len(perturbation), fractions, rng, perturbation, copy_groups(data))
    everybody = np.union1d(perturbation, [CONTROL]).tolist()
    refuse_few_cells(perturbation, role, dict.fromkeys(everybody, EVERY_PART))
    return perturbation_problem(data, role, np.flatnonzero(role == TRAIN))


TASK = Task(
    label="seen perturbations",
    config=SeenPerturbationsConfig,
    make_problem=make_problem,
    needs=frozenset({"perturbation"}),
    adds=frozenset({"duplicate"}),
    readouts=frozenset({"bounds", "latent", "effects", "treatment_latents"}),
    targets=EFFECT_TARGETS,
    truths=REVEALED,
    selects=True,
    ranked_by="effect_pearson",
    controls=EFFECT_CONTROLS,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
