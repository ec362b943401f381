"""Truths: scores of corrupted counts and of counts made again, by hand."""

from typing import Any

import numpy as np
import pytest

from bench.catalogue import metric
from bench.core.metric import NotApplicable

CHANGED = np.array([[True, False, True], [False, False, False], [False, True, False]])
COUNTS = np.array([5, 1, 2])
MEANS = np.array([[3.0, 99.0, 1.5], [99.0, 99.0, 99.0], [99.0, 12.0, 99.0]])
"""Errors 2 and 0.5 in the first cell, 10 in the last."""


def score(name: str, **arrays: Any) -> float:
    return metric(name).value(arrays)


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("corruption_error", "fitted_mean", 2.0),
        ("corruption_error.mean", "fitted_mean", 12.5 / 3),
        ("corruption_error.as_published", "drawn_rate", 2.0),
        ("corruption_error.per_cell_as_published", "drawn_rate", (1.25 + 10) / 2),
    ],
)
def test_errors_are_those_at_the_changed_entries(name: str, array: str, expected: float) -> None:
    given = {array: MEANS, "changed": CHANGED, "changed_counts": COUNTS}
    assert score(name, **given) == pytest.approx(expected)


def test_the_check_of_variances_is_a_root_mean_square_of_logarithms() -> None:
    seen = np.array([1.0, 4.0, 0.0])
    made = np.array([[2.0, 4.0, 7.0], [0.0, 4.0, 7.0]])
    name = "predictive_check.mean_variance"
    assert score(name, predictive_gene_variance=made, gene_variance=seen) == 0
    value = score(name, predictive_gene_variance=np.e * made, gene_variance=seen)
    assert value == pytest.approx(1)
    half = np.array([[1.0, 4.0 * np.e**2, 0.0]])
    value = score(name, predictive_gene_variance=half, gene_variance=seen)
    assert value == pytest.approx(np.sqrt(2))
    none = score(name, predictive_gene_variance=0 * made, gene_variance=seen)
    assert np.isfinite(none)
    with pytest.raises(NotApplicable, match="no gene"):
        score(name, predictive_gene_variance=made, gene_variance=0 * seen)


def test_the_check_of_zeros_averages_draws_before_it_compares() -> None:
    seen = np.array([0.5, 0.1])
    made = np.array([[0.4, 0.3], [0.6, 0.3]])
    value = score(
        "predictive_check.zeros", predictive_gene_zero_fraction=made, gene_zero_fraction=seen
    )
    assert value == pytest.approx(0.1)


def test_per_cell_terms_are_averaged() -> None:
    library = np.array([1, 2])
    values = np.array([-2.0, -4.0])
    assert score("marginal_loglik", marginal_loglik_per_cell=values, library=library) == -3
    assert score("reconstruction_error", reconstruction_per_cell=-values, library=library) == 3


def test_a_bound_per_count_needs_counts() -> None:
    bound, name = np.array([-3.0, -5.0]), "iwelbo.per_count"
    assert score(name, iwelbo_per_cell=bound, library=np.array([2, 6])) == -1.0
    with pytest.raises(NotApplicable):
        score(name, iwelbo_per_cell=bound, library=np.full(2, np.nan))
