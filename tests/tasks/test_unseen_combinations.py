"""Truths: which combinations are tested and trained on, which of their cells, what is refused."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bench.catalogue import card
from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION
from bench.planning.parameters import check
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

TASK = "unseen_combinations"
FRACTIONS = (0.0, 0.25, 0.5, 0.75)


def test_every_share_is_what_was_asked_for() -> None:
    """Of 8 combinations 2 are tested, half of their cells, and 4 are trained on."""
    shares = {"validation": 0.2, "test_controls": 0.3, "duplicate": 0.4}
    train, validation, test, unused = everything(posed(TASK, cells(), train_fraction=0.5, **shares))
    tested = combined(test)
    assert test == {"control": 12, **dict.fromkeys(tested, 12)}
    assert len(tested) == 2
    assert len(combined(train)) == 4
    assert train == {"control": 20, **dict.fromkeys((*ALONE, *combined(train)), 16)}
    assert validation == {"control": 8, **dict.fromkeys((*ALONE, *combined(train)), 4)}
    left_out = set(SIZES) - set(train)
    assert unused == {name: 8 if name in tested else 20 for name in left_out}
    assert len(left_out) == 4


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_test_combinations_neither_train_nor_validate_and_their_parts_are_seen(
    fraction: float,
) -> None:
    for split in range(1, 11):
        train, validation, test, _ = everything(
            posed(TASK, cells(), split, train_fraction=fraction)
        )
        assert combined(test) <= set(JUDGED)
        assert not combined(test) & {*train, *validation}
        assert {part for name in combined(test) for part in name.split("+")} <= set(train)
        assert combined(validation) <= set(train)


@pytest.mark.nightly
def test_every_combination_that_can_be_judged_is_tested_as_often() -> None:
    """2 of 6 in each of 300 splits: a count is binomial, beyond 5.5 sd with odds of 4e-7 in all."""
    n_splits, data = 300, cells(dict.fromkeys(SIZES, 4) | {"control": 40})
    tested = Counter(
        name
        for split in range(n_splits)
        for name in combined(given(posed(TASK, data, split), TEST))
    )
    sd = np.sqrt(n_splits * (1 / 3) * (2 / 3))
    assert set(tested) == set(JUDGED)
    assert max(abs(n - n_splits / 3) for n in tested.values()) < 5.5 * sd
    trained = {name for split in range(30) for name in given(posed(TASK, data, split), TRAIN)}
    assert set(NOT_JUDGED) < trained


def test_a_larger_share_only_adds_training_combinations() -> None:
    data = cells()
    for split in range(1, 6):
        problems = [posed(TASK, data, split, train_fraction=fraction) for fraction in FRACTIONS]
        for less, more in pairwise(problems):
            np.testing.assert_array_equal(less.role == TEST, more.role == TEST)
            np.testing.assert_array_equal(less.scored_rows, more.scored_rows)
            for role in (TRAIN, VALIDATION):
                assert not ((less.role == role) & (more.role != role)).any()
            added = combined(given(more, TRAIN)) - combined(given(less, TRAIN))
            assert len(added) == 2
        assert not combined(given(problems[0], TRAIN))
        np.testing.assert_allclose(
            problems[0].truth["duplicate_effect"], problems[-1].truth["duplicate_effect"]
        )


def test_where_few_can_be_judged_all_of_them_are() -> None:
    sizes = {name: n for name, n in SIZES.items() if name not in JUDGED[2:]}
    for split in range(1, 6):
        problem = posed(TASK, cells(sizes), split, test_fraction=0.75, train_fraction=0.25)
        assert combined(given(problem, TEST)) == set(JUDGED[:2])
        assert len(combined(given(problem, TRAIN))) == 1


def test_the_same_treatments_at_other_dosages_are_the_same_combination() -> None:
    twins = {name: name.replace("+", "@0.5+") for name in JUDGED}
    data = cells(SIZES | dict.fromkeys(twins.values(), 20))
    for split in range(1, 11):
        train, validation, test, _ = everything(posed(TASK, data, split, train_fraction=0.5))
        for name, twin in twins.items():
            for part in (train, validation, test):
                assert (name in part) == (twin in part)
        assert len(combined(test)) == 4


def test_a_part_that_is_given_alone_at_another_dosage_was_seen() -> None:
    sizes = {name.replace("A", "A@2") if name == "A" else name: n for name, n in SIZES.items()}
    tested = {n for split in range(1, 30) for n in given(posed(TASK, cells(sizes), split), TEST)}
    assert {"A+B", "A+C"} < tested


def test_no_split_looks_at_a_count() -> None:
    data = cells()
    garbage = np.random.default_rng(1).poisson(9, data.counts.shape)
    other = posed(TASK, replace(data, counts=csr_matrix(garbage)))
    np.testing.assert_array_equal(posed(TASK, data).role, other.role)


def test_too_few_combinations_to_judge_are_refused() -> None:
    sizes = {name: n for name, n in SIZES.items() if name not in JUDGED[1:]}
    with pytest.raises(UserError, match="1 of 3 are of treatments that are also given alone"):
        posed(TASK, cells(sizes))
    with pytest.raises(UserError, match="0 of 0"):
        posed(TASK, cells({"control": 20, "A": 20, "B": 20}))


def test_shares_that_leave_nothing_are_refused_with_the_study() -> None:
    found = check(card("tasks", TASK).config, {"train_fraction": 0.8}, "tasks.mine")
    assert isinstance(found, list)
    assert "more than test_fraction (0.25) leaves" in str(found[0])
    for fits in ({}, {"train_fraction": 0.7, "test_fraction": 0.3}):
        assert not isinstance(check(card("tasks", TASK).config, fits, "tasks.mine"), list)


def test_all_perturbations_with_too_few_cells_are_named_at_once() -> None:
    with pytest.raises(UserError, match="leave them out") as refusal:
        posed(TASK, cells(SIZES | dict.fromkeys(JUDGED, 1)))
    named = {finding.place.removeprefix("perturbation ") for finding in refusal.value.findings}
    assert named <= set(JUDGED)
    assert len(named) >= 2
    with pytest.raises(UserError, match="perturbation control: has"):
        posed(TASK, cells(SIZES | {"control": 5}), validation=1e-9)


def test_the_unscored_half_is_what_the_ceiling_knows() -> None:
    problem = posed(TASK, cells())
    tested = combined(given(problem, TEST))
    assert {n: given(problem, UNUSED)[n] for n in tested} == dict.fromkeys(tested, 10)
