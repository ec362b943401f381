"""What each task on counts promises: truths by hand, chances with their error rates."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import binom, binomtest, chi2, poisson

from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.seeds import numpy_generator
from bench.data import gamma_poisson, masking_example, thinning_example
from bench.tasks import held_out_cells, masked_entries, thinned_counts
from bench.tasks.held_out_cells import HeldOutCellsConfig
from bench.tasks.masked_entries import MaskedEntriesConfig
from bench.tasks.thinned_counts import ThinnedCountsConfig

ERROR_RATE = 1e-6


def rng(seed: int = 0) -> np.random.Generator:
    return numpy_generator("count tasks", seed)


@pytest.fixture(scope="module")
def data() -> CountData:
    """200 cells, 30 genes; without a second draw it is thinned like real data."""
    config = gamma_poisson.GammaPoissonConfig(n_cells=200, n_genes=30)
    whole = gamma_poisson.load(config, {})
    kinds = np.array(["common"] * 180 + ["rare"] * 20)
    truth = {name: whole.truth[name] for name in ("rate", "mean", "inverse_dispersion")}
    return replace(whole, labels={"cell_type": kinds}, truth=truth)


def held_out(data: CountData, seed: int = 0, **config: Any) -> Problem:
    return held_out_cells.TASK.problem_of(data, HeldOutCellsConfig(**config), 1, rng(seed))


def thinned(data: CountData, split: int = 1, **config: Any) -> Problem:
    return thinned_counts.TASK.problem_of(data, ThinnedCountsConfig(**config), split, rng(split))


def masked(data: CountData, split: int = 1, **config: Any) -> Problem:
    return masked_entries.TASK.problem_of(data, MaskedEntriesConfig(**config), split, rng(split))


def test_cells_are_dealt_out_in_the_sizes_asked_for(data: CountData) -> None:
    problem = held_out(data, test=0.25, validation=0.1)
    assert [len(problem.rows(role)) for role in (TRAIN, VALIDATION, TEST)] == [130, 20, 50]
    np.testing.assert_array_equal(problem.scored_rows, problem.rows(TEST))
    np.testing.assert_array_equal(
        problem.targets["library"], data.counts.toarray()[problem.scored_rows].sum(1)
    )
    scored = data.counts.toarray()[problem.scored_rows]
    np.testing.assert_allclose(problem.targets["gene_variance"], scored.var(0), rtol=1e-9)
    zeros = (scored == 0).mean(0)
    np.testing.assert_allclose(problem.targets["gene_zero_fraction"], zeros, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_strata_get_their_share_of_every_role(data: CountData, seed: int) -> None:
    problem = held_out(data, seed, stratify_by="cell_type")
    rare = data.labels["cell_type"] == "rare"
    for role, share in ((TEST, 0.2), (VALIDATION, 0.1), (TRAIN, 0.7)):
        assert abs(np.sum(problem.role[rare] == role) - share * 20) <= 2


def test_every_cell_is_as_likely_to_be_held_out(data: CountData) -> None:
    """Chance: Bonferroni over the cells."""
    times = sum((held_out(data, seed).role == TEST).astype(int) for seed in range(300))
    lowest = min(binomtest(int(n), 300, 0.2).pvalue for n in times)
    assert lowest > ERROR_RATE / len(times)


def test_strata_need_their_label(data: CountData) -> None:
    with pytest.raises(UserError, match="it has: cell_type"):
        held_out(data, stratify_by="batch")


def test_parts_without_cells_are_refused(data: CountData) -> None:
    with pytest.raises(UserError, match="leave no cells for training"):
        held_out(data, test=0.7, validation=0.3)
    with pytest.raises(UserError) as caught:
        held_out(data, test=0.001, validation=0.001)
    assert [finding.place for finding in caught.value.findings] == ["test", "validation"]
    for pose in (thinned, masked):
        with pytest.raises(UserError, match="0 of 200 cells for validation"):
            pose(data, validation=0.001)


def test_the_two_halves_add_up(data: CountData) -> None:
    problem = thinned(data, fraction=0.3)
    both = problem.counts.toarray() + problem.targets["second_counts"]
    np.testing.assert_array_equal(both, data.counts.toarray())
    assert problem.targets["second_counts"].dtype == np.int32
    assert problem.exposure == pytest.approx(0.7 / 0.3)
    np.testing.assert_allclose(problem.truth["rate"], 0.3 * data.truth["rate"])
    np.testing.assert_allclose(problem.truth["mean"], 0.3 * data.truth["mean"])
    assert problem.truth["inverse_dispersion"] == data.truth["inverse_dispersion"]


def test_thinning_is_binomial(data: CountData) -> None:
    """Chance: exact for the total; chi-square over the outcomes of entries of one, two, three."""
    problem, counts = thinned(data, fraction=0.3), data.counts.toarray()
    visible = problem.counts.toarray()
    total = binomtest(int(visible.sum()), int(counts.sum()), 0.3)
    assert total.pvalue > ERROR_RATE
    statistic = 0.0
    for size in (1, 2, 3):
        seen = np.bincount(visible[counts == size], minlength=size + 1)
        expected = binom.pmf(np.arange(size + 1), size, 0.3) * seen.sum()
        statistic += float(np.sum((seen - expected) ** 2 / expected))
    assert chi2.sf(statistic, 1 + 2 + 3) > ERROR_RATE


def test_the_first_split_scores_the_second_draw_of_a_simulation() -> None:
    example = thinning_example.load(thinning_example.ThinningExampleConfig(), {})
    problem = thinned(example)
    assert (problem.counts != example.counts).nnz == 0
    assert problem.exposure == 1
    np.testing.assert_array_equal(problem.targets["second_counts"], example.truth["second_draw"])
    oracle = poisson.logpmf(problem.targets["second_counts"], problem.truth["rate"]).mean()
    assert oracle == pytest.approx(-0.75695, abs=1e-5)


def test_later_splits_draw_afresh_at_the_same_rates() -> None:
    """Chance: the total is Poisson; both tails."""
    example = thinning_example.load(thinning_example.ThinningExampleConfig(), {})
    second = thinned(example, split=2).targets["second_counts"]
    assert np.any(second != example.truth["second_draw"])
    total = example.truth["rate"].sum()
    assert min(poisson.cdf(second.sum(), total), poisson.sf(second.sum() - 1, total)) > ERROR_RATE
    with pytest.raises(UserError, match="no rates"):
        thinned(replace(example, truth={"second_draw": second}), split=2)


@pytest.mark.parametrize("pose", [thinned, masked])
def test_no_more_cells_are_scored_than_asked_for(data: CountData, pose: Any) -> None:
    few, all_cells = pose(data, max_scored_cells=30), pose(data)
    assert len(few.scored_rows) == 30
    assert len(all_cells.scored_rows) == 200
    assert (few.counts != all_cells.counts).nnz == 0
    np.testing.assert_array_equal(few.role, all_cells.role)
    names = {"second_counts", "masked"} & few.targets.keys()
    for name in names:
        np.testing.assert_array_equal(few.targets[name], all_cells.targets[name][few.scored_rows])


@pytest.mark.parametrize("among", ["all", "nonzero"])
def test_the_answers_are_what_was_masked(data: CountData, among: str) -> None:
    problem, counts = masked(data, among=among), data.counts.toarray()
    where = problem.targets["masked"]
    np.testing.assert_array_equal(where, problem.masked.toarray())
    np.testing.assert_array_equal(problem.targets["masked_counts"], counts[where])
    np.testing.assert_array_equal(problem.targets["observed_counts"], counts[~where])
    np.testing.assert_array_equal(problem.counts.toarray(), np.where(where, 0, counts))
    if among == "nonzero":
        assert problem.targets["masked_counts"].min() > 0


@pytest.mark.parametrize("among", ["all", "nonzero"])
def test_entries_are_masked_as_often_as_asked_for(data: CountData, among: str) -> None:
    """Chance: exact binomial tests, of all entries and of every gene (Bonferroni)."""
    eligible = data.counts.toarray() > 0 if among == "nonzero" else np.ones((200, 30), bool)
    where = masked(data, among=among, fraction=0.2).masked.toarray()
    assert binomtest(int(where.sum()), int(eligible.sum()), 0.2).pvalue > ERROR_RATE
    for hidden, all_of in zip(where.sum(0), eligible.sum(0), strict=True):
        assert binomtest(int(hidden), int(all_of), 0.2).pvalue > ERROR_RATE / 30


@pytest.mark.parametrize(("among", "garbage"), [("all", "any"), ("nonzero", "positive")])
def test_garbage_under_the_mask_changes_nothing(data: CountData, among: str, garbage: str) -> None:
    problem, counts = masked(data, among=among), data.counts.toarray()
    lowest = 0 if garbage == "any" else 1
    hidden = problem.targets["masked"]
    counts[hidden] = rng(9).integers(lowest, 1000, size=hidden.sum())
    other = masked(replace(data, counts=csr_matrix(counts)), among=among)
    for name in ("counts", "masked"):
        mine, theirs = getattr(problem, name), getattr(other, name)
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(theirs, part))
    np.testing.assert_array_equal(problem.role, other.role)
    np.testing.assert_array_equal(problem.scored_rows, other.scored_rows)


@pytest.mark.parametrize("among", ["all", "nonzero"])
def test_a_cell_keeps_a_count_where_it_had_one(data: CountData, among: str) -> None:
    counts = data.counts.toarray()
    counts[:50, 1:] = 0
    counts[:50, 0] = 5
    counts[50] = 0
    sparse = replace(data, counts=csr_matrix(counts))
    problem = masked(sparse, among=among, fraction=0.9)
    left = problem.counts.getnnz(axis=1)
    assert left[50] == 0
    assert np.delete(left, 50).min() == 1
    assert np.all(problem.counts.toarray()[:50, 0] == 5)


def test_the_first_split_hides_what_a_simulation_hides() -> None:
    example = masking_example.load(masking_example.MaskingExampleConfig(), {})
    problem = masked(example)
    hidden = problem.targets["masked"]
    np.testing.assert_array_equal(hidden, ~example.truth["observed"])
    counts, mean = problem.targets["masked_counts"], problem.truth["mean"][hidden]
    assert poisson.logpmf(counts, mean).sum() == pytest.approx(-23_828.4, abs=0.1)
    constant = problem.targets["observed_counts"].mean()
    assert poisson.logpmf(counts, constant).sum() == pytest.approx(-25_321.1, abs=0.1)
    assert np.any(masked(example, split=2).targets["masked"] != hidden)


def test_a_mask_that_hides_nothing_is_refused(data: CountData) -> None:
    with pytest.raises(UserError, match="masks 0 of 6,000"):
        masked(data, fraction=1e-12)
