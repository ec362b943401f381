"""Few cells of each combination as published: the split and the targets of the paper.

The cells are split as in ``parts.splits.published_splits``; the training cells of combinations have
one random order, and the task keeps the first floor(fraction n).  Validation keeps all its cells of
combinations at every ``fraction``, so that early stopping uses them even at 0; the target effects
are those among all cells, including training cells.  ``few_combination_cells`` corrects both.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794; code at insitro/sams-vae (10d781c).
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from bench.core.dataset import CountData
from bench.core.problem import UNUSED, Problem
from bench.core.task import Controls, Task
from bench.parts.splits.perturbation_splits import (
    REVEALED,
)
from bench.parts.splits.published_splits import (
    PUBLISHED_TARGETS,
    objections,
    published_problem,
    published_split,
)


@dataclass(frozen=True, kw_only=True)
class FewCombinationCellsAsPublishedConfig:
    """Training share of the combinations."""

    fraction: Annotated[float, Ge(0), Le(1)] = 0.5
    """Share of the training cells of combinations that is used."""


def make_problem(
    data: CountData,
    config: FewCombinationCellsAsPublishedConfig,
    split: int,
    rng: np.random.Generator,
) -> Problem:
    """The published roles of this split, of data with combinations."""
    perturbation = data.labels["perturbation"]
    role, train = published_split(perturbation, split - 1)
    role[train[int(config.fraction * len(train)) :]] = UNUSED
    return published_problem(data, role)


TASK = Task(
    label="few combination cells as published",
    config=FewCombinationCellsAsPublishedConfig,
    make_problem=make_problem,
    objections=objections,
    needs=frozenset({"perturbation"}),
    adds=frozenset({"duplicate"}),
    readouts=frozenset(
        {"bounds", "latent", "effects", "effects_as_published", "treatment_latents"}
    ),
    targets=PUBLISHED_TARGETS,
    truths=REVEALED,
    selects=True,
    ranked_by="iwelbo",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
