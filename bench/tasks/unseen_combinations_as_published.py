"""Unseen combinations as published: the split and the targets of the paper.

    combinations          in alphabetical order, shuffled by numpy's default_rng(split - 1)
    training              the first floor(train_fraction n) of them
    test                  the last ceil(test_fraction n) of them
    cells                 see ``parts.splits.published_splits``; training and validation contain
                          training combinations only, the test contains test combinations only

The target effects are those among all cells, including training cells and unused cells, because the
test cells contain no controls.  At ``train_fraction: 1`` every test combination is in training.
``unseen_combinations`` differs: its targets use test cells only, all treatments have training
cells, and shares are per perturbation.  The published file sorts combinations by other names, so
that the same seed gives other combinations.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794; code at insitro/sams-vae (10d781c).
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from bench.core.dataset import CountData
from bench.core.problem import TEST, UNUSED, Problem
from bench.core.task import Controls, Task
from bench.parts.splits.perturbation_splits import (
    REVEALED,
    combinations_in,
)
from bench.parts.splits.published_splits import (
    PUBLISHED_TARGETS,
    objections,
    published_problem,
    published_split,
)


@dataclass(frozen=True, kw_only=True)
class UnseenCombinationsAsPublishedConfig:
    """Shares of the combinations."""

    train_fraction: Annotated[float, Ge(0), Le(1)] = 0.75
    """Share of training combinations; above 1 - ``test_fraction`` it overlaps with the test."""
    test_fraction: Annotated[float, Gt(0), Le(1)] = 0.25


def make_problem(
    data: CountData,
    config: UnseenCombinationsAsPublishedConfig,
    split: int,
    rng: np.random.Generator,
) -> Problem:
    """The published roles of this split, of data with combinations."""
    perturbation = data.labels["perturbation"]
    role, _ = published_split(perturbation, split - 1)
    order = combinations_in(perturbation)
    np.random.default_rng(split - 1).shuffle(order)
    trained = order[: int(config.train_fraction * len(order))]
    tested = order[-ceil(config.test_fraction * len(order)) :]
    combined = np.isin(perturbation, order)
    used = np.where(role == TEST, np.isin(perturbation, tested), np.isin(perturbation, trained))
    role[combined & ~used] = UNUSED
    return published_problem(data, role)


TASK = Task(
    label="unseen combinations as published",
    config=UnseenCombinationsAsPublishedConfig,
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
