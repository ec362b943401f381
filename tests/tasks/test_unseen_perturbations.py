"""Truths: a treatment that is held out was given to no training cell, in whatever company."""

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN
from bench.parts.perturbations.treatments import treatments_of
from tests.tasks.perturbed_cells import ALONE, SIZES, cells, combined, everything, given, posed

TASK = "unseen_perturbations"


def test_every_share_is_what_was_asked_for() -> None:
    """Of 6 treatments that are given alone 3 are held out; a combination with any is not used."""
    shares = {"validation": 0.2, "test_controls": 0.3, "duplicate": 0.4}
    train, validation, test, unused = everything(posed(TASK, cells(), test_fraction=0.5, **shares))
    held_out = set(test) - {"control"}
    assert held_out < set(ALONE)
    assert test == {"control": 12, **dict.fromkeys(held_out, 12)}
    assert len(held_out) == 3
    without = {n for n in SIZES if n != "control" and not held_out & set(treatments_of(n))}
    assert train == {"control": 20, **dict.fromkeys(without, 16)}
    assert validation == {"control": 8, **dict.fromkeys(without, 4)}
    assert unused == {n: 8 if n in held_out else 20 for n in set(SIZES) - without - {"control"}}


def test_no_training_or_validation_cell_has_a_held_out_treatment_at_any_dosage() -> None:
    data = cells(SIZES | {"A@0.5": 20, "B@2": 20, "A@0.5+B": 20})
    for split in range(1, 16):
        train, validation, test, _ = everything(posed(TASK, data, split))
        held_out = {t for name in test for t in treatments_of(name)}
        assert not combined(test)
        assert len(held_out) == 2
        for name in {*train, *validation}:
            assert not held_out & set(treatments_of(name))
        assert ("A" in test) == ("A@0.5" in test)


def test_a_larger_share_only_holds_out_more() -> None:
    less, more = (posed(TASK, cells(), test_fraction=share) for share in (0.3, 0.6))
    assert set(given(less, TEST)) < set(given(more, TEST))
    assert set(given(more, TRAIN)) < set(given(less, TRAIN))
    both = np.isin(less.labels["perturbation"], list(given(less, TEST)))
    np.testing.assert_array_equal(less.role[both], more.role[both])


@pytest.mark.parametrize(("share", "said"), [(0.1, "holds 1 of 6"), (0.8, "holds 5 of 6")])
def test_too_few_treatments_on_either_side_are_refused(share: float, said: str) -> None:
    with pytest.raises(UserError, match=said):
        posed(TASK, cells(), test_fraction=share)


def test_cells_that_cannot_be_halved_are_named() -> None:
    with pytest.raises(UserError, match=r"perturbation [A-F]: has"):
        posed(TASK, cells(SIZES | dict.fromkeys(ALONE, 1)))
