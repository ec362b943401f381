"""Whole perturbations are held out: what is said of a treatment that no training cell was given?

Treatments are drawn among those that are given alone.  Of the cells that were given one of them and
nothing else a share is scored, the others are known to the ceiling only; cells that were given it
with something else, or at another dosage, are left out as well.  Some controls are scored too,
because effects need them.

None of the variants on the shelf is told anything of a treatment but its name, so nothing tells one
unseen treatment from another: they can only fall back on their prior, and the best constant guess
is the mean of the training effects.  Scores above it need knowledge from elsewhere.
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.parts.perturbations.treatments import perturbations_in, treatments_of
from bench.parts.splits.effect_task import effect_task
from bench.parts.splits.held_out_perturbations import HeldOutShares, held_out_problem
from bench.parts.splits.perturbation_splits import (
    Names,
    combinations_in,
    given_alone,
)

FEWEST = 2
"""Treatments that must be left on either side."""


@dataclass(frozen=True, kw_only=True)
class UnseenPerturbationsConfig(HeldOutShares):
    """Shares of the treatments, and of the cells."""

    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the treatments that are given alone which is held out, rounded up."""


def make_problem(
    data: CountData, config: UnseenPerturbationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by treatment, then by cell.  Raises where too few treatments are left anywhere."""
    for_treatments, for_cells = rng.spawn(2)
    perturbation = data.labels["perturbation"]
    unseen = _unseen(perturbation, _drawn(perturbation, config, for_treatments))
    test = np.setdiff1d(unseen, combinations_in(perturbation))
    return held_out_problem(data, unseen, test, config, for_cells)


def _drawn(
    perturbation: Names, config: UnseenPerturbationsConfig, rng: np.random.Generator
) -> Names:
    """The treatments that no training cell may have."""
    order = rng.permutation(given_alone(perturbation))
    n_test = ceil(round(config.test_fraction * len(order), 6))
    if min(n_test, len(order) - n_test) < FEWEST:
        reason = f"holds {n_test} of {len(order)} treatments out; needs {FEWEST} on either side"
        raise mistake("test_fraction", config.test_fraction, reason, "choose another share")
    return order[:n_test]


def _unseen(perturbation: Names, treatments: Names) -> Names:
    """The perturbations that any of these treatments is part of."""
    names = perturbations_in(perturbation)
    part = [np.isin(list(treatments_of(name)), treatments).any() for name in names.tolist()]
    return names[np.array(part, dtype=bool)]


TASK = effect_task(
    label="unseen perturbations",
    config=UnseenPerturbationsConfig,
    make_problem=make_problem,
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6; Roohani et al. 2024, "
    "doi:10.1038/s41587-023-01905-6",
)
