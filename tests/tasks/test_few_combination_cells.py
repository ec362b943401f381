"""Truths: how many cells of each combination are told, to whom, and which are tested."""

from itertools import pairwise

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION
from tests.tasks.perturbed_cells import (
    ALONE,
    JUDGED,
    NOT_JUDGED,
    SIZES,
    cells,
    combined,
    everything,
    given,
    posed,
)

TASK = "few_combination_cells"
COMBINATIONS = (*JUDGED, *NOT_JUDGED)
SHARES = {"test": 0.25, "validation": 0.25}
FRACTIONS = (0.0, 0.2, 0.6, 1.0)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_every_share_is_what_was_asked_for(fraction: float) -> None:
    """Of 20 cells of a combination 5 are tested, and that share of 10 and of 5 others is told."""
    train, validation, test, unused = everything(posed(TASK, cells(), fraction=fraction, **SHARES))
    told = {TRAIN: round(10 * fraction), VALIDATION: round(5 * fraction)}
    assert test == {"control": 10, **dict.fromkeys(COMBINATIONS, 5)}
    for part, n_alone in ((train, 15), (validation, 5)):
        n_told = told[TRAIN if part is train else VALIDATION]
        of_combinations = dict.fromkeys(COMBINATIONS, n_told) if n_told else {}
        n_control = 20 if part is train else 10
        assert part == {"control": n_control, **dict.fromkeys(ALONE, n_alone), **of_combinations}
    rest = 15 - sum(told.values())
    assert unused == (dict.fromkeys(COMBINATIONS, rest) if rest else {})


def test_a_larger_share_only_adds_cells_and_moves_no_other() -> None:
    data = cells()
    for split in range(1, 6):
        problems = [posed(TASK, data, split, fraction=fraction) for fraction in FRACTIONS]
        for less, more in pairwise(problems):
            changed = less.role != more.role
            assert changed.any()
            assert (less.role[changed] == UNUSED).all()
            assert np.isin(more.role[changed], (TRAIN, VALIDATION)).all()
            for name in less.truth:
                np.testing.assert_array_equal(less.truth[name], more.truth[name])
            np.testing.assert_array_equal(less.targets["data_effect"], more.targets["data_effect"])


def test_validation_holds_combinations_in_the_proportion_of_training() -> None:
    """Shares of 7 and 3 cells at 0.4: right to within a cell of each, and on average over all."""
    sizes = {"control": 400, **dict.fromkeys(ALONE, 20)}
    pairs = [f"{one}+{other}{k}" for one in ALONE for other in ALONE for k in range(6)]
    data = cells(sizes | dict.fromkeys(pairs, 12))
    whole = posed(TASK, data, fraction=1.0, **SHARES)
    some = posed(TASK, data, fraction=0.4, **SHARES)
    for role in (TRAIN, VALIDATION):
        before, after = given(whole, role), given(some, role)
        of_pairs = [(before[name], after.get(name, 0)) for name in pairs if name in before]
        assert all(abs(told - 0.4 * n) < 1 for n, told in of_pairs)
        # 216 independent roundings of sd <= 1/2 each: 5.5 standard errors, odds below 1e-6.
        excess = sum(told - 0.4 * n for n, told in of_pairs)
        assert abs(excess) < 5.5 * 0.5 * np.sqrt(len(of_pairs))


def test_at_nothing_told_no_combination_trains_or_validates() -> None:
    train, validation, test, _ = everything(posed(TASK, cells(), fraction=0.0))
    assert not combined(train)
    assert not combined(validation)
    assert combined(test) == set(COMBINATIONS)


def test_what_is_too_small_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="there are 1, and 2 needed"):
        posed(TASK, cells({"control": 20, "A": 20, "B": 20, "A+B": 20}))
    with pytest.raises(UserError, match="control cells is 2: expected at least 3"):
        posed(TASK, cells(SIZES | {"control": 2}))
    with pytest.raises(UserError, match="too few cells") as refusal:
        posed(TASK, cells(SIZES | {"A+B": 1}))
    assert {finding.place for finding in refusal.value.findings} == {"perturbation A+B"}


def test_test_cells_are_those_of_all_combinations_and_of_controls_only() -> None:
    for split in range(1, 6):
        assert set(given(posed(TASK, cells(), split), TEST)) == {"control", *COMBINATIONS}
