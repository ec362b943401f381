"""Combinations of treatments are held out: predict their effects from other cells.

    test combinations        sampled from combinations whose treatments all occur alone; a share of
                             their cells is scored, the others are available to the ceiling only
    training combinations    sampled from all others; used for training and validation with the
                             single perturbations and the controls
    other combinations       not used

Treatments that occur alone are always in training, so every treatment of a test combination has
training cells.  A combination with a treatment that never occurs alone is not scored; it may be in
training.  If fewer combinations than requested can be scored, the task scores all of them.  The
same treatments at other dosages are the same combination.  With the same split a larger
``train_fraction`` adds training combinations, and changes neither the cells of the others nor the
test combinations.  Some controls are scored too, because effects need them.  The task does not
measure combinations with training cells; for these, see ``few_combination_cells``.
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from bench.core.dataset import CountData, Levels
from bench.core.errors import Finding, listed, mistake
from bench.core.problem import Problem
from bench.parts.perturbations.treatments import JOINS, perturbations_in, treatments_of
from bench.parts.splits.effect_task import effect_task
from bench.parts.splits.held_out_perturbations import HeldOutShares, held_out_problem
from bench.parts.splits.label_levels import perturbations_of
from bench.parts.splits.perturbation_splits import (
    FEWEST_JUDGED,
    Names,
    combinations_in,
    given_alone,
)


@dataclass(frozen=True, kw_only=True)
class UnseenCombinationsConfig(HeldOutShares):
    """Shares of the combinations, and of the cells."""

    train_fraction: Annotated[float, Ge(0), Lt(1)] = 0.75
    """Share of training combinations, limited to combinations that are not in the test."""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.25
    """Share of test combinations, rounded up and at least two, limited to combinations that can be
    scored."""

    def __post_init__(self) -> None:
        if self.train_fraction + self.test_fraction > 1 + 1e-9:
            expected = f"more than test_fraction ({self.test_fraction}) leaves of the combinations"
            raise mistake("train_fraction", self.train_fraction, expected, "lower one of the two")


def make_problem(
    data: CountData, config: UnseenCombinationsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by combination, then by cell.  Raises if a perturbation has too few cells."""
    for_combinations, for_cells = rng.spawn(2)
    labels = data.labels["perturbation"]
    names = combinations_in(labels)
    together = _without_dosages(names)
    train, test = _drawn(np.unique(together), labels, config, for_combinations)
    left_out, tested = names[~np.isin(together, train)], names[np.isin(together, test)]
    return held_out_problem(data, left_out, tested, config, for_cells)


def objections(levels: Levels, config: UnseenCombinationsConfig) -> list[Finding]:
    """A finding if too few combinations are of treatments that also occur alone."""
    names = perturbations_of(levels)
    combinations = np.unique(_without_dosages(combinations_in(names)))
    n_eligible = int(_eligible(combinations, names).sum())
    if n_eligible >= FEWEST_JUDGED:
        return []
    reason = f"{n_eligible} of {len(combinations)} are of treatments that are also given alone"
    fix = "" if len(combinations) else _no_combination(names)
    return [Finding("combinations", None, f"{reason}; this task needs {FEWEST_JUDGED}", fix)]


def _without_dosages(names: Names) -> Names:
    """(combination,) the treatments of each, in alphabetical order."""
    return np.array([JOINS.join(sorted(treatments_of(name))) for name in names.tolist()], str)


def _eligible(combinations: Names, labels: Names) -> NDArray[np.bool_]:
    """(combination,) whether all its treatments also occur alone."""
    alone = set(given_alone(labels).tolist())
    return np.array([alone.issuperset(name.split(JOINS)) for name in combinations.tolist()], bool)


def _drawn(
    combinations: Names, labels: Names, config: UnseenCombinationsConfig, rng: np.random.Generator
) -> tuple[Names, Names]:
    """The training combinations and the test combinations."""
    order = rng.permutation(combinations)
    eligible = _eligible(order, labels)
    # Rounded first, because 0.1 * 30 is slightly more than 3.
    n_test = ceil(round(config.test_fraction * len(order), 6))
    n_train = int(round(config.train_fraction * len(order), 6))
    test = order[eligible][: max(n_test, FEWEST_JUDGED)]
    return order[~np.isin(order, test)][:n_train], test


def _no_combination(labels: Names) -> str:
    there = listed(perturbations_in(labels).tolist())
    return f"no label has a {JOINS} ({there}); an h5ad dataset has the key separator"


TASK = effect_task(
    label="unseen combinations",
    config=UnseenCombinationsConfig,
    make_problem=make_problem,
    objections=objections,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; Ahlmann-Eltze et al. 2025, "
    "doi:10.1038/s41592-025-02772-6",
)
