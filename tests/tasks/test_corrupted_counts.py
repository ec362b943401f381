"""What corruption promises: truths by hand, chances with their error rates."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import binom, binomtest, hypergeom

from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.problem import TRAIN, VALIDATION, Problem
from bench.core.seeds import numpy_generator
from bench.data import gamma_poisson
from bench.tasks import corrupted_counts, corrupted_counts_as_published
from bench.tasks.corrupted_counts import CorruptedCountsConfig
from bench.tasks.corrupted_counts_as_published import CorruptedCountsAsPublishedConfig

ERROR_RATE = 1e-6
SCHEMES = ("uniform", "binomial")


@pytest.fixture(scope="module")
def data() -> CountData:
    """500 cells, 60 genes; about two thirds of the counts are not zero."""
    config = gamma_poisson.GammaPoissonConfig(n_cells=500, n_genes=60)
    return gamma_poisson.load(config, {})


def corrupted(data: CountData, seed: int = 0, **config: Any) -> Problem:
    rng = numpy_generator("corruption", seed)
    return corrupted_counts.TASK.problem_of(data, CorruptedCountsConfig(**config), 1, rng)


def published(data: CountData, seed: int = 0, **config: Any) -> Problem:
    rng = numpy_generator("corruption", seed)
    settings = CorruptedCountsAsPublishedConfig(**config)
    return corrupted_counts_as_published.TASK.problem_of(data, settings, 1, rng)


def before_and_after(data: CountData, problem: Problem) -> tuple[NDArray, NDArray]:
    return data.counts.toarray(), problem.counts.toarray()


@pytest.mark.parametrize("pose", [corrupted, published])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_answers_are_the_originals_of_what_changed(
    data: CountData, pose: Any, scheme: str
) -> None:
    problem = pose(data, scheme=scheme, max_scored_cells=100)
    before, after = before_and_after(data, problem)
    assert len(problem.scored_rows) == 100
    changed = (before != after)[problem.scored_rows]
    np.testing.assert_array_equal(problem.targets["changed"], changed)
    np.testing.assert_array_equal(
        problem.targets["changed_counts"], before[problem.scored_rows][changed]
    )
    assert problem.masked is None
    assert set(problem.role) == {TRAIN, VALIDATION}
    assert np.all(after <= before)
    assert problem.counts.nnz == np.count_nonzero(after)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.37, 0.9])
def test_exactly_the_fraction_asked_for_changes(
    data: CountData, scheme: str, fraction: float
) -> None:
    before, after = before_and_after(data, corrupted(data, scheme=scheme, fraction=fraction))
    assert (before != after).sum() == round(fraction * np.count_nonzero(before))
    if scheme == "uniform":
        assert not after[before != after].any()


def test_thinned_counts_are_binomial_given_that_they_are_smaller(data: CountData) -> None:
    """Chance: Bonferroni over the values of counts of 1 to 4."""
    problem = corrupted(data, scheme="binomial", fraction=0.9, keep=0.4)
    before, after = before_and_after(data, problem)
    pvalues = []
    for x in range(1, 5):
        left = after[(before == x) & (before != after)]
        law = binom.pmf(np.arange(x), x, 0.4) / (1 - 0.4**x)
        for y, p in enumerate(law):
            pvalues.append(binomtest(int((left == y).sum()), len(left), min(p, 1)).pvalue)
    assert min(pvalues) > ERROR_RATE / len(pvalues)


@pytest.mark.parametrize("value", [1, 5])
def test_every_count_is_as_likely_to_be_chosen(data: CountData, value: int) -> None:
    """Chance: whatever the count, wherever the cell.  Without replacement is less scattered."""
    before, after = before_and_after(data, corrupted(data, fraction=0.3))
    for part in (before == value, (before > 0) & (np.arange(500) < 250)[:, None]):
        hit = (before != after)[part].sum()
        assert binomtest(int(hit), int(part.sum()), 0.3).pvalue > ERROR_RATE


def test_as_published_a_tenth_of_what_is_drawn_becomes_zero(data: CountData) -> None:
    """Chance: the 1 % quirk, exactly Bernoulli(.1) among floor(.1 nnz) entries."""
    before, after = before_and_after(data, published(data))
    changed, n_drawn = before != after, int(0.1 * np.count_nonzero(before))
    assert not after[changed].any()
    assert binomtest(int(changed.sum()), n_drawn, 0.1).pvalue > ERROR_RATE
    assert changed.sum() < 0.02 * np.count_nonzero(before)


def test_as_published_zeros_are_drawn_too_and_counts_thinned(data: CountData) -> None:
    """Chance: over seeds, the number of ones that vanish is that of a dense draw of entries."""
    ones, n_drawn = data.counts.toarray() == 1, int(0.1 * 500 * 60)
    lost = [
        (published(data, seed, scheme="binomial").counts.toarray()[ones] == 0).sum()
        for seed in range(20)
    ]
    law = hypergeom(500 * 60, ones.sum(), n_drawn)
    mean = 0.8 * law.mean()
    sd = np.sqrt(0.8**2 * law.var() + 0.16 * law.mean())
    assert abs(np.mean(lost) - mean) < 5 * sd / np.sqrt(20)
    assert 0.3 * sd < np.std(lost) < 3 * sd


def test_other_seeds_corrupt_other_entries(data: CountData) -> None:
    one, other = (corrupted(data, seed).targets["changed"] for seed in range(2))
    assert (one & other).sum() < 0.3 * one.sum()


@pytest.mark.parametrize("pose", [corrupted, published])
def test_a_corruption_that_changes_nothing_is_refused(data: CountData, pose: Any) -> None:
    few = replace(data, counts=csr_matrix(np.eye(500, 60, dtype=int)))
    with pytest.raises(UserError, match="was changed"):
        pose(few, fraction=0.001)


def test_explicit_zeros_and_the_data_themselves_are_left_alone(data: CountData) -> None:
    counts = data.counts.copy()
    counts.data[::3] = 0
    stored = replace(data, counts=counts)
    clean = counts.copy()
    clean.eliminate_zeros()
    one, other = corrupted(stored), corrupted(replace(data, counts=clean))
    assert (one.counts != other.counts).nnz == 0
    assert stored.counts.nnz == data.counts.nnz
