"""Truths: places deal every stratum out evenly, and the same for every share of it."""

import numpy as np
import pytest

from bench.parts.splits.cell_splits import ranks

SIZES = {"a": 1, "b": 2, "c": 7, "d": 100}
STRATA = np.random.default_rng(0).permutation(np.repeat(list(SIZES), list(SIZES.values())))


def drawn(seed: int) -> np.ndarray:
    return ranks(STRATA, np.random.default_rng(seed))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_share_of_every_stratum_lies_below_it_to_within_a_cell(share: float) -> None:
    for seed in range(50):
        place = drawn(seed)
        for name, size in SIZES.items():
            assert abs((place[name == STRATA] < share).sum() - share * size) < 1
    assert (place < share).all() == (share == 1)
    assert (place < share).any() == (share > 0)


def test_small_strata_get_their_share_on_average() -> None:
    """Of 1, 2 and 7 cells a quarter, over 4,000 draws: 5.5 standard errors, odds below 4e-7."""
    n_draws, share = 4000, 0.25
    below = np.array([drawn(seed) < share for seed in range(n_draws)])
    for name in "abc":
        counted = below[:, name == STRATA].sum(1)
        # A count is one of two neighbouring whole numbers.
        error = 0.5 / np.sqrt(n_draws)
        assert abs(counted.mean() - share * SIZES[name]) < 5.5 * error


def test_every_cell_of_a_stratum_is_as_likely() -> None:
    """4,000 draws of 7 cells: each is below 2/7 in 2/7 of them, 6 standard errors."""
    below = np.array([drawn(seed)[STRATA == "c"] < 2 / 7 for seed in range(4000)])
    assert (below.sum(1) == 2).all()
    error = np.sqrt((2 / 7) * (5 / 7) / 4000)
    assert np.abs(below.mean(0) - 2 / 7).max() < 6 * error


def test_places_are_made_of_the_generator_alone() -> None:
    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert (drawn(3) != drawn(4)).any()
