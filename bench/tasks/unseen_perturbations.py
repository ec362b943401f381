"""Whole perturbations are held out: predict the effect of treatments without training cells.

The test treatments are sampled from treatments that occur alone.  A share of the cells with one of
them alone is scored, the others are available to the ceiling only; cells that have a test treatment
in a combination or at another dosage are not used.  Some controls are scored too, because effects
need them.

The variants of this package receive only the name of a treatment, so they cannot distinguish unseen
treatments: their predictions fall back to the prior, and the best constant prediction is the mean
of the training effects.  Better scores require other information about the treatments.
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from bench.core.dataset import CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import Problem
from bench.parts.perturbations.treatments import perturbations_in, treatments_of
from bench.parts.splits.effect_task import effect_task
from bench.parts.splits.held_out_perturbations import HeldOutShares, held_out_problem
from bench.parts.splits.label_levels import perturbations_of
from bench.parts.splits.perturbation_splits import (
    Names,
    combinations_in,
    given_alone,
)

FEWEST = 2
"""Minimum number of test treatments and of training treatments."""


@dataclass(frozen=True, kw_only=True)
class UnseenPerturbationsConfig(HeldOutShares):
    """Shares of the treatments, and of the cells."""

    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Held-out share of the treatments that occur alone, rounded up."""


def make_problem(
    data: CountData, config: UnseenPerturbationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by treatment, then by cell.  Raises if a perturbation has too few cells."""
    for_treatments, for_cells = rng.spawn(2)
    perturbation = data.labels["perturbation"]
    order = for_treatments.permutation(given_alone(perturbation))
    unseen = _unseen(perturbation, order[: _n_test(len(order), config)])
    test = np.setdiff1d(unseen, combinations_in(perturbation))
    return held_out_problem(data, unseen, test, config, for_cells)


def objections(levels: Levels, config: UnseenPerturbationsConfig) -> list[Finding]:
    """A finding if there are too few test treatments or training treatments."""
    n_treatments = len(given_alone(perturbations_of(levels)))
    n_test = _n_test(n_treatments, config)
    if min(n_test, n_treatments - n_test) >= FEWEST:
        return []
    reason = f"holds {n_test} of {n_treatments} treatments out; needs {FEWEST} on either side"
    return [Finding("test_fraction", config.test_fraction, reason, "choose another share")]


def _n_test(n_treatments: int, config: UnseenPerturbationsConfig) -> int:
    # Rounded first, because 0.1 * 30 is slightly more than 3.
    return ceil(round(config.test_fraction * n_treatments, 6))


def _unseen(perturbation: Names, treatments: Names) -> Names:
    """The perturbations that contain any of these treatments."""
    names = perturbations_in(perturbation)
    part = [np.isin(list(treatments_of(name)), treatments).any() for name in names.tolist()]
    return names[np.array(part, dtype=bool)]


TASK = effect_task(
    label="unseen perturbations",
    config=UnseenPerturbationsConfig,
    make_problem=make_problem,
    objections=objections,
    holds_out_treatments=True,
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6; Roohani et al. 2024, "
    "doi:10.1038/s41587-023-01905-6",
)
