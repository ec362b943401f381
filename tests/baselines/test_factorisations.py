"""Truths: closed forms, stationary points and monotone likelihoods of the factorisations."""

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import nbinom, poisson

from bench.baselines import nbmf, nmf
from bench.catalogue import card
from bench.core.problem import TEST, Problem
from bench.parts.counts.factors import random_factors
from bench.parts.counts.observed_counts import ObservedCounts, fitting_counts

THETA = 0.7


def problem_of(counts: NDArray, missing: NDArray | None = None) -> Problem:
    visible = counts if missing is None else np.where(missing, 0, counts)
    return Problem(
        counts=csr_matrix(visible),
        role=np.zeros(len(counts), dtype=np.int8),
        scored_rows=np.arange(len(counts)),
        masked=None if missing is None else csr_matrix(missing),
    )


@pytest.fixture(scope="module")
def counts() -> NDArray:
    rng = np.random.default_rng(3)
    mean = rng.lognormal(size=(90, 2)) @ rng.lognormal(size=(30, 2)).T
    return rng.poisson(mean * rng.gamma(THETA, 1 / THETA, size=mean.shape))


@pytest.fixture(scope="module")
def missing(counts: NDArray) -> NDArray:
    return np.random.default_rng(4).random(counts.shape) < 0.2


def rates(name: str, problem: Problem, seed: int = 0, **config: float) -> NDArray:
    baseline = card("baselines", name)
    result = baseline.fit(problem, baseline.config(**config), np.random.default_rng(seed))
    return result.answer("counts")(problem.fitting_rows())


def test_constant_and_gene_means_are_means_of_the_observed(
    counts: NDArray, missing: NDArray
) -> None:
    problem, seen = problem_of(counts, missing), np.ma.array(counts, mask=missing)
    np.testing.assert_allclose(rates("mean", problem), seen.mean(), rtol=1e-13)
    np.testing.assert_allclose(rates("gene_mean", problem)[0], seen.mean(0), rtol=1e-13)


def test_rank_one_is_row_times_column_over_total(counts: NDArray) -> None:
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    np.testing.assert_allclose(rates("rank_one", problem_of(counts)), expected, rtol=1e-12)


@pytest.mark.parametrize(("name", "config"), [("rank_one", {}), ("nmf", {"rank": 1})])
def test_rank_one_reproduces_the_observed_margins(
    name: str, config: dict, counts: NDArray, missing: NDArray
) -> None:
    seen = np.where(missing, 0, rates(name, problem_of(counts, missing), **config))
    for axis in (0, 1):
        observed = np.where(missing, 0, counts).sum(axis)
        np.testing.assert_allclose(seen.sum(axis), observed, rtol=1e-6, atol=1e-9)


def test_nmf_likelihood_is_the_masked_poisson_and_only_rises(
    counts: NDArray, missing: NDArray
) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    factors = random_factors(fitting, 3, np.random.default_rng(0))
    reached = []
    for _ in range(60):
        factors = nmf.step(fitting, factors)
        reached.append(nmf.log_likelihood(fitting, factors))
    product = factors.loadings @ factors.genes.T
    constant = poisson.logpmf(counts, 1.0) + 1.0
    expected = (poisson.logpmf(counts, product) - constant)[~missing].sum()
    assert reached[-1] == pytest.approx(expected, rel=1e-12)
    assert np.diff(reached).min() > -1e-9
    assert reached[-1] > reached[0] + 100


def test_nbmf_likelihood_is_the_masked_negative_binomial_and_only_rises(
    counts: NDArray, missing: NDArray
) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    factors, theta = random_factors(fitting, 2, np.random.default_rng(0)), 0.1
    reached = []
    for round_ in range(60):
        factors = nbmf.step(fitting, factors, theta, "mm")
        if round_ % 5 == 0:
            theta, _ = nbmf.better_theta(fitting, factors, theta)
        reached.append(nbmf.log_likelihood(fitting, factors, theta))
    product = factors.loadings @ factors.genes.T
    expected = nbinom.logpmf(counts, theta, theta / (theta + product))[~missing].sum()
    assert reached[-1] == pytest.approx(expected, rel=1e-12)
    assert np.diff(reached).min() > -1e-9
    assert reached[-1] > reached[0] + 100


def test_every_round_of_nbmf_raises_its_likelihood(counts: NDArray, missing: NDArray) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    for seed in range(5):
        start = random_factors(fitting, 4, np.random.default_rng(seed))
        now, reached = nbmf.Fit(start, 0.1, -np.inf), []
        for _ in range(30):
            now = nbmf.next_round(fitting, now)
            reached.append(now.log_likelihood)
        assert np.diff(reached).min() > -1e-9


def test_both_rules_of_nbmf_rest_at_the_same_point(counts: NDArray, missing: NDArray) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    factors = random_factors(fitting, 1, np.random.default_rng(0))
    for _ in range(300):
        factors = nbmf.step(fitting, factors, 0.5, "scoring")
    for one, other in zip(factors, nbmf.step(fitting, factors, 0.5, "mm"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_round_that_would_fall_is_done_again_by_mm(
    counts: NDArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = fitting_counts(problem_of(counts))
    start = nbmf.Fit(random_factors(fitting, 2, np.random.default_rng(0)), 0.1, -np.inf)
    now = nbmf.next_round(fitting, start)
    by_mm, climbed = nbmf.climbed(fitting, now, "mm"), nbmf.climbed

    def falling(fitting: ObservedCounts, now: nbmf.Fit, rule: nbmf.Rule) -> nbmf.Fit:
        worse = now._replace(log_likelihood=now.log_likelihood - 1)
        return worse if rule == "scoring" else climbed(fitting, now, rule)

    monkeypatch.setattr(nbmf, "climbed", falling)
    assert nbmf.next_round(fitting, now).log_likelihood == by_mm.log_likelihood


@pytest.mark.parametrize("rule", ["scoring", "mm"])
def test_nbmf_updates_tend_to_those_of_nmf(
    rule: nbmf.Rule, counts: NDArray, missing: NDArray
) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    factors = random_factors(fitting, 3, np.random.default_rng(0))
    near_poisson = nbmf.step(fitting, factors, 1e12, rule)
    for one, other in zip(near_poisson, nmf.step(fitting, factors), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@pytest.mark.parametrize("rule", ["scoring", "mm"])
def test_nbmf_does_not_depend_on_its_blocks(
    rule: nbmf.Rule, counts: NDArray, missing: NDArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = fitting_counts(problem_of(counts, missing))
    start = random_factors(fitting, 3, np.random.default_rng(0))
    whole = nbmf.step(fitting, start, 0.3, rule)
    monkeypatch.setattr(nbmf, "BLOCK", 7)
    for one, other in zip(whole, nbmf.step(fitting, start, 0.3, rule), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("theta", [0.2, 1.0, 5.0])
def test_nbmf_recovers_the_dispersion(theta: float) -> None:
    """At 24,000 entries the standard error is below 4 %; the factors explain a little noise."""
    dataset, baseline = card("data", "gamma_poisson"), card("baselines", "nbmf")
    size = {"n_cells": 400, "n_genes": 60, "n_factors": 1, "scale": 3.0}
    data = dataset.load(dataset.config(inverse_dispersion=theta, **size), {})
    problem = problem_of(data.counts.toarray())
    result = baseline.fit(problem, baseline.config(rank=1), np.random.default_rng(0))
    assert result.inverse_dispersion == pytest.approx(theta, rel=0.15)


def test_poisson_counts_drive_the_dispersion_up() -> None:
    rng = np.random.default_rng(1)
    problem = problem_of(rng.poisson(np.outer(rng.lognormal(size=80), rng.lognormal(size=40))))
    baseline = card("baselines", "nbmf")
    result = baseline.fit(problem, baseline.config(rank=1), rng)
    assert result.inverse_dispersion > 20
    np.testing.assert_allclose(
        result.answer("counts")(problem.fitting_rows()),
        rates("rank_one", problem),
        rtol=0.1,
        atol=0.05,
    )


def test_stopping_does_not_depend_on_how_many_cells_there_are(counts: NDArray) -> None:
    """Twice the same cells give twice the likelihood, and the same criterion."""
    twice = np.vstack([counts, counts])
    once = rates("nmf", problem_of(counts), rank=1)
    np.testing.assert_allclose(rates("nmf", problem_of(twice), rank=1)[: len(counts)], once)


def test_pca_with_all_components_gives_the_counts_back(counts: NDArray) -> None:
    result = rates("pca", problem_of(counts), n_components=30)
    np.testing.assert_allclose(result, counts, atol=1e-3)


def test_pca_takes_its_chance_from_the_generator() -> None:
    """On this shape scikit-learn's solver is a randomised one."""
    problem = problem_of(np.random.default_rng(2).poisson(1.0, size=(60, 600)))
    one, again, other = (rates("pca", problem, seed, n_components=5) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


def test_pca_keeps_every_genes_observed_total(counts: NDArray, missing: NDArray) -> None:
    result = rates("pca", problem_of(counts, missing), n_components=2)
    observed = np.where(missing, 0, counts).sum(0)
    np.testing.assert_allclose(np.where(missing, 0, result).sum(0), observed, rtol=1e-10)


@pytest.mark.parametrize(("name", "config"), [("nmf", {}), ("nbmf", {"rank": 1}), ("pca", {})])
def test_a_held_out_twin_is_embedded_where_its_twin_is(
    name: str, config: dict, counts: NDArray
) -> None:
    """Of one factor for NBMF, which may have several optima where there are more."""
    both = np.vstack([counts, counts[:20]])
    role = np.where(np.arange(len(both)) < len(counts), 0, TEST).astype(np.int8)
    problem = Problem(counts=csr_matrix(both), role=role, scored_rows=np.arange(90, 110))
    baseline = card("baselines", name)
    fitted = baseline.fit(problem, baseline.config(**config), np.random.default_rng(0))
    latent = fitted.answer("latent")(np.arange(len(both)))
    distance = np.abs(latent[90:] - latent[:20]).max()
    assert distance < 0.05 * np.abs(latent).max()


def test_observed_sums_leave_missing_entries_out(counts: NDArray, missing: NDArray) -> None:
    fitting: ObservedCounts = fitting_counts(problem_of(counts, missing))
    seen, rng = ~missing, np.random.default_rng(0)
    of_gene, of_cell = rng.random((30, 2)), rng.random((90, 2))
    np.testing.assert_allclose(fitting.over_genes(of_gene), seen @ of_gene, rtol=1e-12)
    np.testing.assert_allclose(fitting.over_cells(of_cell), seen.T @ of_cell, rtol=1e-12)
    assert fitting.n_observed() == seen.sum()


def test_oracle_opens_what_it_was_told_to() -> None:
    dataset, task, oracle = (
        card(shelf, name)
        for shelf, name in (
            ("data", "gamma_poisson"),
            ("tasks", "held_out_cells"),
            ("baselines", "oracle"),
        )
    )
    data = dataset.load(dataset.config(n_cells=50, n_genes=10), {})
    problem = task.problem_of(data, task.config(), 1, np.random.default_rng(0))
    fit, rows = partial(oracle.fit, rng=np.random.default_rng(0)), np.array([4, 1])
    knows_mean = fit(problem, oracle.config())
    knows_rate = fit(problem, oracle.config(knows="rate"))
    np.testing.assert_array_equal(knows_mean.answer("counts")(rows), data.truth["mean"][rows])
    np.testing.assert_array_equal(knows_rate.answer("counts")(rows), data.truth["rate"][rows])
    assert knows_mean.inverse_dispersion == data.truth["inverse_dispersion"]
    assert np.isinf(knows_rate.inverse_dispersion)
