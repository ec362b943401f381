"""The published splits against another implementation of them, and what is judged there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem
from tests.tasks.perturbed_cells import SIZES, cells, combined, everything, log_effects, posed

OOD, FEW = "unseen_combinations_as_published", "few_combination_cells_as_published"
FRACTIONS = (0, 0.25, 0.5, 0.75, 1)


def parted(rows: list[int], seed: int) -> tuple[list[int], list[int]]:
    """80 % and 20 % of these rows, the smaller part rounded up: it is drawn first."""
    order = np.random.RandomState(seed).permutation(len(rows))
    n_second = -(-len(rows) // 5)
    return [rows[k] for k in order[n_second:]], [rows[k] for k in order[:n_second]]


def published(task: str, names: list[str], seed: int, fraction: float) -> NDArray[np.int8]:
    """Roles cell by cell, with lists and sets."""
    of_combinations = [row for row, name in enumerate(names) if name.count("+") == 1]
    seen, test = parted(of_combinations, seed)
    train, validation = parted(seen, seed)
    if task == FEW:
        train = train[: int(fraction * len(train))]
    else:
        order = np.array(sorted({names[row] for row in of_combinations}))
        np.random.default_rng(seed).shuffle(order)
        told = set(order[: int(fraction * len(order))])
        asked = set(order[len(order) - int(np.ceil(0.25 * len(order))) :])
        train, validation = ([r for r in part if names[r] in told] for part in (train, validation))
        test = [row for row in test if names[row] in asked]
    others = [row for row, name in enumerate(names) if name.count("+") == 0]
    more_train, more_validation = parted(others, seed)
    role = np.full(len(names), UNUSED, dtype=np.int8)
    role[train + more_train], role[validation + more_validation] = TRAIN, VALIDATION
    role[test] = TEST
    return role


def by_fraction(task: str, split: int, fraction: float) -> Problem:
    key = "train_fraction" if task == OOD else "fraction"
    return posed(task, cells(), split, **{key: fraction})


@pytest.mark.parametrize("task", [OOD, FEW])
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_splits_are_the_published_ones(task: str, fraction: float) -> None:
    names = cells().labels["perturbation"].tolist()
    for split in (1, 2, 5):
        expected = published(task, names, split - 1, fraction)
        np.testing.assert_array_equal(by_fraction(task, split, fraction).role, expected)


@pytest.mark.parametrize("task", [OOD, FEW])
def test_effects_are_those_among_all_cells(task: str) -> None:
    problem, data = by_fraction(task, 1, 0.5), cells()
    names = problem.targets["perturbation_names"].tolist()
    expected = log_effects(data, np.arange(len(problem.role)), names)
    np.testing.assert_allclose(problem.targets["data_effect"], expected, atol=1e-9)
    np.testing.assert_allclose(problem.targets["data_effect_as_published"], expected, atol=1e-9)
    assert "control" not in problem.labels["perturbation"][problem.scored_rows]


@pytest.mark.parametrize("task", [OOD, FEW])
def test_what_a_search_may_know_rests_on_validation_cells_alone(task: str) -> None:
    problem, data = by_fraction(task, 1, 0.5), cells()
    answers = problem.selection_targets
    names = answers["perturbation_names"].tolist()
    expected = log_effects(data, problem.rows(VALIDATION), names)
    np.testing.assert_allclose(answers["data_effect"], expected, atol=1e-9)


def test_only_with_all_combinations_trained_on_are_test_combinations_seen() -> None:
    for fraction in FRACTIONS:
        train, validation, test, _ = everything(by_fraction(OOD, 1, fraction))
        seen = combined(test) & {*train, *validation}
        assert seen == (combined(test) if fraction == 1 else set())


def test_validation_keeps_all_its_combinations_at_every_share_of_cells() -> None:
    at_none, at_all = (everything(by_fraction(FEW, 1, fraction)) for fraction in (0, 1))
    assert not combined(at_none[0])
    assert combined(at_none[1])
    assert at_none[1] == at_all[1]


@pytest.mark.parametrize("task", [OOD, FEW])
def test_data_without_combinations_or_without_a_ceiling_are_refused(task: str) -> None:
    alone = {name: n for name, n in SIZES.items() if "+" not in name}
    with pytest.raises(UserError, match="no cell has two treatments"):
        posed(task, cells(alone))
    few = dict.fromkeys([f"A+g{k}" for k in range(40)], 1)
    with pytest.raises(UserError, match="all its cells are test cells"):
        posed(task, cells(alone | few), **({"test_fraction": 1.0} if task == OOD else {}))
