"""Combinations of treatments are held out: is what two do together known from other cells?

    test combinations        drawn among those whose every treatment is also given alone; of their
                             cells a share is scored, the others are known to the ceiling only
    training combinations    drawn among all others; they train and validate with the single
                             perturbations and the controls
    the rest                 is used for nothing

A treatment that is given alone is trained on whatever is drawn, so every test combination has seen
parts.  A combination with a part that is never given alone is not judged; it may be trained on.
Where fewer combinations than asked can be judged, all of these are.  The same treatments at other
dosages are the same combination.  With the same split a larger ``train_fraction`` adds training
combinations, and changes neither the cells of the others nor what is tested.  Some controls are
scored too, because effects need them.  Blind to what happens where other cells of a combination
were seen: that is what ``few_combination_cells`` asks.
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench.core.dataset import CountData
from bench.core.errors import listed, mistake
from bench.core.problem import Problem
from bench.core.task import Task
from bench.parts.perturbations.treatments import JOINS, perturbations_in, treatments_of
from bench.parts.splits.held_out_perturbations import held_out_problem
from bench.parts.splits.perturbation_splits import (
    EFFECT_CONTROLS,
    EFFECT_TARGETS,
    FEWEST_JUDGED,
    REVEALED,
    Names,
    combinations_in,
    given_alone,
)


@dataclass(frozen=True, kw_only=True)
class UnseenCombinationsConfig:
    """Shares of the combinations, and of the cells."""

    train_fraction: Annotated[float, Ge(0), Lt(1)] = 0.75
    """Share of the combinations that is trained on, as far as others are not tested."""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.25
    """Share of the combinations that is tested, rounded up and two at least, as far as they can be
    judged."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.16
    """Share of the cells of everything that is trained on."""
    test_controls: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the controls that is scored beside the test combinations."""
    duplicate: Annotated[float, Gt(0), Lt(1)] = 0.5
    """Share of the cells of a test combination that only the ceiling knows, and nobody scores."""

    def __post_init__(self) -> None:
        if self.train_fraction + self.test_fraction > 1 + 1e-9:
            expected = f"more than test_fraction ({self.test_fraction}) leaves of the combinations"
            raise mistake("train_fraction", self.train_fraction, expected, "lower one of the two")


def make_problem(
    data: CountData, config: UnseenCombinationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by combination, then by cell.  Raises where too few combinations can be judged."""
    for_combinations, for_cells = rng.spawn(2)
    names = combinations_in(data.labels["perturbation"])
    together = np.array([JOINS.join(sorted(treatments_of(name))) for name in names.tolist()], str)
    labels = data.labels["perturbation"]
    train, test = _drawn(np.unique(together), labels, config, for_combinations)
    left_out, tested = names[~np.isin(together, train)], names[np.isin(together, test)]
    return held_out_problem(data, left_out, tested, config, for_cells)


def _drawn(
    combinations: Names, labels: Names, config: UnseenCombinationsConfig, rng: np.random.Generator
) -> tuple[Names, Names]:
    """The combinations to train on and to test."""
    alone = given_alone(labels)
    order = rng.permutation(combinations)
    eligible = np.array([np.isin(name.split(JOINS), alone).all() for name in order.tolist()], bool)
    if eligible.sum() < FEWEST_JUDGED:
        reason = f"{eligible.sum()} of {len(order)} are of treatments that are also given alone"
        fix = "" if len(order) else _no_combination(labels)
        raise mistake("combinations", None, f"{reason}; this task needs {FEWEST_JUDGED}", fix)
    # Rounded first: 0.1 * 30 is a little more than 3.
    n_test = ceil(round(config.test_fraction * len(order), 6))
    n_train = int(round(config.train_fraction * len(order), 6))
    test = order[eligible][: max(n_test, FEWEST_JUDGED)]
    return order[~np.isin(order, test)][:n_train], test


def _no_combination(labels: Names) -> str:
    there = listed(perturbations_in(labels).tolist())
    return f"no label has a {JOINS} ({there}); an h5ad dataset has the key separator"


TASK = Task(
    label="unseen combinations",
    config=UnseenCombinationsConfig,
    make_problem=make_problem,
    needs=frozenset({"perturbation"}),
    adds=frozenset({"duplicate"}),
    readouts=frozenset({"bounds", "latent", "effects", "treatment_latents"}),
    targets=EFFECT_TARGETS,
    truths=REVEALED,
    selects=True,
    ranked_by="effect_pearson",
    controls=EFFECT_CONTROLS,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; Ahlmann-Eltze et al. 2025, "
    "doi:10.1038/s41592-025-02772-6",
)
