"""Truths and chances: intervals, sign flips, Holm, scaling."""

from itertools import product
from math import isnan

import numpy as np
import pytest
from scipy.stats import binom, permutation_test

from bench.results.statistics import (
    N_EXACT,
    difference,
    estimate,
    holm,
    most_covered,
    resampled_means,
    scaled,
    sign_flip,
    smallest_p_value,
    verdict,
)


def in_one_split(values: list[float]) -> dict[tuple[int, int], float]:
    return {(1, seed): float(value) for seed, value in enumerate(values)}


def test_mean_and_scatter_are_the_closed_forms() -> None:
    found = estimate(in_one_split([1.0, 2.0, 4.0, 5.0]))
    assert (found.mean, found.n) == (3.0, 4)
    assert found.sd == pytest.approx(np.sqrt(10 / 3))


def test_splits_weigh_the_same_however_many_seeds_they_kept() -> None:
    found = estimate({(1, 1): 0.0, (1, 2): 2.0, (2, 1): 5.0})
    assert found.mean == pytest.approx((1.0 + 5.0) / 2)
    assert found.sd == pytest.approx(np.sqrt(2.0))


def test_resamples_have_the_variance_of_the_two_stages() -> None:
    """Var = between-split variance / S + mean within variance / (S m), plug-in."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(6, 1)) * 3 + rng.normal(size=(6, 4))
    values = {(s, k): float(table[s, k]) for s, k in product(range(6), range(4))}
    expected = table.mean(axis=1).var() / 6 + table.var(axis=1).mean() / 4 / 6
    drawn = resampled_means(values)
    # 10,000 draws: the relative error of a variance is 0.014, seven times that is < 1e-6.
    assert drawn.var() == pytest.approx(expected, rel=0.1)
    assert drawn.mean() == pytest.approx(table.mean(), abs=6 * np.sqrt(expected / 10_000))


def test_a_deterministic_score_has_no_width_and_one_seed_has_no_interval() -> None:
    still = estimate(in_one_split([0.1] * 5))
    assert still.low == still.mean == still.high
    alone = estimate(in_one_split([0.1]))
    assert alone.mean == 0.1
    assert isnan(alone.low)
    assert isnan(alone.high)
    assert estimate({}).n == 0


@pytest.mark.parametrize(
    ("n", "at_least", "at_most"), [(5, 0.91, most_covered(5)), (20, 0.94, 0.96)]
)
@pytest.mark.nightly
def test_intervals_cover_a_normal_mean(n: int, at_least: float, at_most: float) -> None:
    """1,500 samples; fails with probability < 1e-6 if the coverage lies in the stated range."""
    rng, trials = np.random.default_rng(7), 1500
    found = [estimate(in_one_split(list(rng.normal(size=n)))) for _ in range(trials)]
    covered = sum(one.low <= 0 <= one.high for one in found)
    assert binom.cdf(covered, trials, at_least) > 5e-7
    assert binom.sf(covered - 1, trials, at_most) > 5e-7


def test_sign_flips_are_enumerated() -> None:
    row = [0.3, -0.1, 0.5, 0.2]
    means = [abs(np.dot(signs, row)) for signs in product([1, -1], repeat=4)]
    by_hand = np.mean([mean >= abs(sum(row)) - 1e-12 for mean in means])
    assert sign_flip(in_one_split(row)) == by_hand
    theirs = permutation_test(
        (np.array(row),), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(in_one_split(row)) == pytest.approx(theirs.pvalue)


def test_the_smallest_p_value_is_reached_and_named() -> None:
    for n in (2, 5, N_EXACT):
        assert sign_flip(in_one_split([1.0] * n)) == smallest_p_value(n) == 2 / 2**n
    assert sign_flip(in_one_split([1.0] * 40)) == smallest_p_value(40)
    assert isnan(sign_flip({}))


def test_signs_belong_to_splits_where_there_are_several() -> None:
    values = {(split, seed): 1.0 + 0.01 * seed for split in range(3) for seed in range(5)}
    assert sign_flip(values) == 2 / 2**3


def test_sign_flips_hold_their_level() -> None:
    """Under symmetry P(p <= 0.05) <= 0.05; 3,000 trials, fails with probability < 1e-6."""
    rng, trials = np.random.default_rng(3), 3000
    small = sum(sign_flip(in_one_split(list(rng.normal(size=8)))) <= 0.05 for _ in range(trials))
    assert binom.sf(small - 1, trials, 0.05) > 1e-6
    assert binom.cdf(small, trials, 6 / 128) > 1e-6


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    with_hole = holm([0.01, float("nan"), 0.04])
    assert with_hole[0] == pytest.approx(0.02)
    assert isnan(with_hole[1])
    assert holm([]) == []


@pytest.mark.parametrize(("floor", "ceiling"), [(-1.2, -0.7), (3.0, 1.0)])
def test_controls_are_zero_and_one_exactly(floor: float, ceiling: float) -> None:
    assert scaled(floor, floor, ceiling) == 0.0
    assert scaled(ceiling, floor, ceiling) == 1.0


def test_differences_are_paired_and_turned() -> None:
    luck = np.random.default_rng(1).normal(size=6)
    ours, theirs = in_one_split(list(luck + 0.2)), in_one_split(list(luck))
    higher, lower = difference(ours, theirs, "higher"), difference(ours, theirs, "lower")
    # The luck of a seed is common to both and cancels.
    assert higher.low == pytest.approx(0.2)
    assert higher.high == pytest.approx(0.2)
    assert (higher.verdict, lower.verdict) == ("better", "worse")
    assert lower.mean == pytest.approx(-0.2)


def test_only_common_seeds_are_paired() -> None:
    found = difference({(1, 1): 1.0, (1, 2): 9.0}, {(1, 1): 0.5, (1, 3): 0.0}, "higher")
    assert (found.n, found.mean, found.verdict) == (1, 0.5, "undecided")


def test_verdicts() -> None:
    assert verdict(0.1, 0.2) == "better"
    assert verdict(-0.1, 0.2) == "tie"
    assert verdict(0.0, 0.0) == "tie"
    assert verdict(-0.2, -0.1) == "worse"
    assert verdict(float("nan"), float("nan")) == "undecided"
