"""Truths: a name says which treatments a cell was given, and how much; dosages are made of it."""

import numpy as np
import pytest

from bench.core.dataset import CONTROL
from bench.parts.perturbations.treatments import (
    dosages,
    perturbation_name,
    perturbations_in,
    treatments_of,
)

NAMED = [
    ("control", {}),
    ("KLF1", {"KLF1": 1.0}),
    ("CEBPA+KLF1", {"CEBPA": 1.0, "KLF1": 1.0}),
    ("KLF1+drug@0.5", {"drug": 0.5, "KLF1": 1.0}),
    ("drug@100000", {"drug": 1e5}),
    ("drug@1e20", {"drug": 1e20}),
    ("drug@1e-09+other@1.23456789", {"drug": 1e-9, "other": 1.23456789}),
    ("mouse@strain", {"mouse@strain": 1.0}),
    ("mouse@strain@2", {"mouse@strain": 2.0}),
]


@pytest.mark.parametrize(("name", "parts"), NAMED)
def test_a_name_and_its_treatments_say_the_same(name: str, parts: dict[str, float]) -> None:
    assert dict(treatments_of(name)) == parts
    assert perturbation_name(parts) == name


def test_parts_are_named_in_alphabetical_order_and_read_in_any() -> None:
    assert perturbation_name({"b": 1, "a": 1}) == "a+b"
    assert treatments_of("b+a") == treatments_of("a+b")


def test_what_was_given_twice_is_given_twice() -> None:
    assert treatments_of("A+A") == {"A": 2.0}
    assert treatments_of("A@0.5+A") == {"A": 1.5}


def test_nothing_given_is_the_control() -> None:
    assert perturbation_name({}) == perturbation_name({"A": 0.0}) == CONTROL
    assert perturbation_name({"A": 0.0, "B": 1.0}) == "B"


@pytest.mark.parametrize("dosage", [-1.0, float("nan"), float("inf")])
def test_impossible_dosages_are_refused(dosage: float) -> None:
    with pytest.raises(ValueError, match="the dosage of drug is"):
        perturbation_name({"drug": dosage})
    with pytest.raises(ValueError, match="the dosage of drug is"):
        treatments_of(f"KLF1+drug@{dosage}")


GIVEN = np.array(["b@2", "control", "a+b", "a", "control", "c@0.5+b", "a"])


def test_dosages_are_a_row_per_cell_and_a_column_per_treatment() -> None:
    treatments, dosage = dosages(GIVEN)
    assert treatments == ("a", "b", "c")
    expected = [[0, 2, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0.5], [1, 0, 0]]
    np.testing.assert_array_equal(dosage.toarray(), expected)
    assert dosage.nnz == 7


def test_columns_may_be_told_and_others_than_these_are_unknown() -> None:
    treatments, dosage = dosages(np.array(["a"]), ("c", "b", "a"))
    assert treatments == ("c", "b", "a")
    np.testing.assert_array_equal(dosage.toarray(), [[0, 0, 1]])
    with pytest.raises(KeyError, match="z"):
        dosages(np.array(["z"]), ("a",))


def test_controls_alone_have_no_treatment() -> None:
    treatments, dosage = dosages(np.array(["control", "control"]))
    assert treatments == ()
    assert dosage.shape == (2, 0)


def test_perturbations_are_listed_once_without_the_control() -> None:
    assert perturbations_in(GIVEN).tolist() == ["a", "a+b", "b@2", "c@0.5+b"]
    assert perturbations_in(np.array(["control"])).tolist() == []
