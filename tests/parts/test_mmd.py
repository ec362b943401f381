"""MMD estimators against a double loop, and in expectation."""

import math

import pytest
import torch
from torch.func import vmap

from bench.parts.nn.mmd import (
    all_pairs,
    linear,
    membership,
    mmd_of_batches,
    pairs_in_sequence,
    quadratic,
)

ONE = torch.tensor([1.0], dtype=torch.float64)
SEVERAL = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)


def points(n, seed=0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=generator, dtype=torch.float64) + shift


def k(a, b, bandwidths):
    return sum(math.exp(-float(((a - b) ** 2).sum()) / float(s)) for s in bandwidths)


def double_loop(x, y, bandwidths, *, diagonal):
    """Gretton equations 5 (with the diagonal) and 3 (without), element by element."""

    def mean(a, b, same):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b))]
        kept = [(i, j) for i, j in pairs if diagonal or not same or i != j]
        return sum(k(a[i], b[j], bandwidths) for i, j in kept) / len(kept)

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def halves(x, y, bandwidths):
    """Gretton Lemma 14, element by element."""
    half = min(len(x), len(y)) // 2
    total = 0.0
    for i in range(half):
        j = i + half
        total += k(x[i], x[j], bandwidths) + k(y[i], y[j], bandwidths)
        total -= k(x[i], y[j], bandwidths) + k(x[j], y[i], bandwidths)
    return total / half


@pytest.mark.parametrize("bandwidths", [ONE, SEVERAL])
@pytest.mark.parametrize("diagonal", [True, False])
def test_quadratic_estimators_equal_a_double_loop(bandwidths, diagonal):
    x, y = points(11), points(12, 1, 0.5)
    member = membership(torch.tensor([0] * 11 + [1] * 12), 2)
    found = quadratic(torch.cat([x, y]), member, bandwidths, diagonal=diagonal)[0, 1]
    assert float(found) == pytest.approx(
        double_loop(x, y, bandwidths, diagonal=diagonal), abs=1e-10
    )


@pytest.mark.parametrize("sizes", [(11, 12), (6, 6), (2, 9), (5, 3)])
def test_fast_estimator_equals_its_formula_whatever_the_order(sizes):
    x, y = points(sizes[0]), points(sizes[1], 1, 0.5)
    group = torch.tensor([0] * sizes[0] + [1] * sizes[1])
    order = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(3))
    shuffled, group = torch.cat([x, y])[order], group[order]
    found = linear(shuffled, membership(group, 2), SEVERAL)[0, 1]
    expected = halves(shuffled[group == 0], shuffled[group == 1], SEVERAL)
    assert float(found) == pytest.approx(expected, abs=1e-10)


def test_sequence_of_three_batches_is_one_two_and_two_three():
    z, group = points(8), torch.tensor([1, 1, 1, 2, 2, 2, 3, 3])
    found = mmd_of_batches(z, membership(group, 5), ONE, "normal", "sequential")
    first = double_loop(z[:3], z[3:6], ONE, diagonal=True)
    second = double_loop(z[3:6], z[6:], ONE, diagonal=True)
    assert float(found) == pytest.approx(first + second, abs=1e-10)


@pytest.mark.parametrize("estimator", ["normal", "unbiased", "fast"])
@pytest.mark.parametrize("pairs", ["sequential", "all", "pooled"])
def test_one_batch_costs_exactly_nothing(estimator, pairs):
    member = membership(torch.zeros(7, dtype=torch.long), 3)
    assert float(mmd_of_batches(points(7), member, ONE, estimator, pairs)) == 0.0


@pytest.mark.parametrize("estimator", ["normal", "unbiased", "fast"])
def test_a_batch_of_one_cell_is_left_out(estimator):
    z, group = points(7), torch.tensor([0, 0, 0, 1, 2, 2, 2])
    found = mmd_of_batches(z, membership(group, 3), ONE, estimator, "all")
    without = mmd_of_batches(z[group != 1], membership(group[group != 1], 3), ONE, estimator, "all")
    assert float(found) == pytest.approx(float(without), abs=1e-12)
    assert torch.isfinite(found)


def test_pairs():
    member = membership(torch.tensor([0, 0, 2, 2, 3, 3]), 4)
    assert pairs_in_sequence(member).nonzero().tolist() == [[0, 2], [2, 3]]
    assert all_pairs(member).nonzero().tolist() == [[0, 2], [0, 3], [2, 3]]


def test_stacked_replicates_get_their_own():
    z = torch.stack([points(8), points(8, 5)])
    groups = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 1]])

    def one(z, group):
        return mmd_of_batches(z, membership(group, 2), ONE, "fast", "all")

    each = torch.stack([one(a, g) for a, g in zip(z, groups, strict=True)])
    torch.testing.assert_close(vmap(one)(z, groups), each)


def test_fast_has_the_expectation_of_the_unbiased_estimator():
    """Chances: over 3,000 pairs of samples the mean difference is within 5 standard errors of 0.

    A false alarm has probability below 1e-6.
    """
    generator = torch.Generator().manual_seed(11)
    z = torch.randn(3000, 24, 3, generator=generator, dtype=torch.float64)
    z[:, 12:] += 0.4
    member = membership(torch.tensor([0] * 12 + [1] * 12), 2)

    def difference(z):
        fast = linear(z, member, SEVERAL)[0, 1]
        return fast - quadratic(z, member, SEVERAL, diagonal=False)[0, 1]

    differences = vmap(difference, chunk_size=200)(z)
    error = differences.std() / math.sqrt(len(differences))
    assert abs(float(differences.mean())) < 5 * float(error)
    assert float(error) < 0.02
