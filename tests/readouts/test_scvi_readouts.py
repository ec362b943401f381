"""What a fitted model can be asked: truths in closed form, and chances with their error rates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import nbinom

from bench.core.baseline import FittedBaseline, by_cell
from bench.core.errors import UserError
from bench.core.problem import Problem
from bench.readouts import bound_terms, decoded, drawn_rates, latent_sample, marginal_loglik
from bench.readouts import fitted_means as means
from bench.readouts import posterior_predictive as predictive
from tests.readouts.toy import open_toy, toy_problem

THETA = 2.0


@pytest.fixture(scope="module")
def problem() -> Problem:
    """90 cells of 8 genes, 30 of them scored."""
    return toy_problem(np.random.default_rng(3).poisson(3.0, size=(90, 8)))


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def grid(problem: Problem, n: int = 4001) -> NDArray:
    """(scored,) log p(x) of the toy by integration over its one latent."""
    z = np.linspace(-12, 12, n)
    mean = np.exp(1 + z[:, None] * np.linspace(-1, 1, problem.counts.shape[1]))
    counts = problem.counts[problem.scored_rows].toarray()
    joint = np.stack([nbinom.logpmf(x, THETA, THETA / (THETA + mean)).sum(1) for x in counts], 1)
    return logsumexp(joint - 0.5 * z[:, None] ** 2 - 0.5 * np.log(2 * np.pi), axis=0) + np.log(
        z[1] - z[0]
    )


def rates(problem: Problem, knows: bool = False) -> FittedBaseline:
    """Means that differ by cell and by gene."""
    n_cells, n_genes = problem.counts.shape
    mean = np.linspace(0.5, 3, n_cells)[:, None] * np.linspace(0.5, 2, n_genes)
    return FittedBaseline(
        functions={"counts": by_cell(mean)}, inverse_dispersion=THETA, knows_test_cells=knows
    )


def test_the_marginal_log_likelihood_is_the_integral(problem: Problem) -> None:
    """The proposal is wider than the posterior, so that weights are bounded and S = 20,000
    samples leave an error far below the tolerance."""
    config = marginal_loglik.MarginalLoglikConfig(n_samples=20_000)
    found = marginal_loglik.of_variant(open_toy(problem, spread=1.0), problem, config)
    np.testing.assert_allclose(found["marginal_loglik_per_cell"], grid(problem), atol=0.05)


def test_the_sum_over_draws_may_end_with_a_shorter_chunk(problem: Problem) -> None:
    config = marginal_loglik.MarginalLoglikConfig(n_samples=25)
    found = marginal_loglik.of_variant(open_toy(problem), problem, config)
    fitted = open_toy(problem)
    cells = next(fitted.minibatches(problem.scored_rows))
    each = [fitted.over_draws(lambda n: fitted.module(cells, n).log_weight, 30, n) for n in (20, 5)]
    weights = np.concatenate(each).astype(float)
    expected = logsumexp(weights, axis=0) - np.log(25)
    np.testing.assert_allclose(found["marginal_loglik_per_cell"], expected, rtol=1e-9)


@pytest.mark.parametrize("library", [False, True])
def test_the_terms_of_the_bound_are_apart(problem: Problem, library: bool) -> None:
    config = bound_terms.BoundTermsConfig(n_samples=3)
    terms = bound_terms.of_variant(open_toy(problem, library=library), problem, config)
    cells = next(open_toy(problem).minibatches(problem.scored_rows))
    kl = open_toy(problem).module.infer(cells)["z"].kl_to_standard()
    np.testing.assert_allclose(terms["kl_z_per_cell"], kl, rtol=1e-5)
    np.testing.assert_array_equal(terms["kl_library_per_cell"], 3.0 if library else 0.0)
    exact = (
        -open_toy(problem, spread=1e-6)
        .module.generate({"z": open_toy(problem).module.infer(cells)["z"].mean}, cells)
        .log_prob(cells["counts"])
        .sum(-1)
    )
    narrow = bound_terms.of_variant(open_toy(problem, spread=1e-6), problem, config)
    np.testing.assert_allclose(narrow["reconstruction_per_cell"], exact, rtol=1e-4)


@pytest.mark.parametrize("knows", [False, True])
def test_a_baselines_terms_are_its_exact_likelihood(problem: Problem, knows: bool) -> None:
    fitted = rates(problem, knows)
    terms = bound_terms.of_baseline(fitted, problem, bound_terms.BoundTermsConfig())
    exact = marginal_loglik.of_baseline(fitted, problem, marginal_loglik.MarginalLoglikConfig())
    per_gene = nbinom.logpmf(
        problem.counts[problem.scored_rows].toarray()[:, None],
        THETA,
        THETA / (THETA + fitted.answer("counts")(np.arange(90))),
    ).sum(2)
    prior = logsumexp(per_gene[:, problem.fitting_rows()], axis=1) - np.log(60)
    expected = per_gene[np.arange(30), problem.scored_rows] if knows else prior
    np.testing.assert_allclose(exact["marginal_loglik_per_cell"], expected, rtol=1e-9)
    np.testing.assert_allclose(terms["reconstruction_per_cell"], -expected, rtol=1e-9)
    assert not terms["kl_z_per_cell"].any()
    assert not terms["kl_library_per_cell"].any()


def shares_under(problem: Problem, batch: str, **settings: float) -> NDArray:
    config = decoded.DecodedConfig(batch=batch, n_samples=2)
    fitted = open_toy(problem, spread=1e-6, **settings)
    return decoded.of_variant(fitted, problem, config)["decoded_expression"]


def test_expression_is_decoded_under_the_batch_asked_for(problem: Problem) -> None:
    z = np.log1p(problem.counts[problem.scored_rows].toarray()[:, :1]) / 4
    own = (problem.labels["batch"][problem.scored_rows] == "y")[:, None]
    expected = {}
    for name, code in (("x", 0.0), ("y", 1.0), ("", own)):
        mean = np.exp(1 + (z + code) * np.linspace(-1, 1, 8))
        expected[name] = mean / mean.sum(1, keepdims=True)
    expected["each"] = (expected["x"] + expected["y"]) / 2
    for name, shares in expected.items():
        found = shares_under(problem, name, by_batch=True)
        np.testing.assert_allclose(found, shares, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_lost_counts_do_not_change_expression(problem: Problem) -> None:
    plain, lossy = (shares_under(problem, "", lost=lost) for lost in (False, True))
    np.testing.assert_allclose(plain, lossy, rtol=1e-6)


def test_a_batch_must_be_known(problem: Problem) -> None:
    with pytest.raises(UserError, match="there are: x, y"):
        shares_under(problem, "z")
    none = replace(problem, labels={"batch": problem.labels["batch"]})
    assert len(shares_under(none, "each")) == 30


def test_a_drawn_rate_is_one_draw_before_losses(problem: Problem) -> None:
    def drawn(**settings: float) -> NDArray:
        config = drawn_rates.DrawnRatesConfig()
        return drawn_rates.of_variant(open_toy(problem, **settings), problem, config)["drawn_rate"]

    plugin = means.of_variant(
        open_toy(problem, spread=1e-6), problem, means.FittedMeansConfig(n_samples=1)
    )["fitted_mean_plugin"]
    np.testing.assert_allclose(drawn(spread=1e-6), plugin, rtol=1e-4)
    np.testing.assert_allclose(drawn(spread=1e-6, lost=True), plugin, rtol=1e-4)
    assert np.abs(drawn(spread=1.0) / plugin - 1).max() > 0.1


def test_a_latent_sample_is_a_draw_of_the_posterior(problem: Problem) -> None:
    """Chance: 30 standard normals; beyond 6 or with a mean square beyond 4, below 1e-7."""
    config = latent_sample.LatentSampleConfig()
    found = latent_sample.of_variant(open_toy(problem, spread=0.5), problem, config)[
        "latent_sample"
    ]
    mean = np.log1p(problem.counts[problem.scored_rows].toarray()[:, :1]) / 4
    standard = (found - mean) / 0.5
    assert found.shape == (30, 1)
    assert np.abs(standard).max() < 6
    assert 0.1 < np.mean(standard**2) < 4


@pytest.mark.parametrize("lost", [False, True])
def test_counts_made_again_have_the_moments_of_the_law(lost: bool) -> None:
    """Chance: 400 draws of 30 cells; z-scores beyond 6 have probability below 1e-8 per gene."""
    problem = toy_problem(np.full((90, 8), 3))
    config = predictive.PosteriorPredictiveConfig(n_samples=400)
    found = predictive.of_variant(open_toy(problem, spread=1e-6, lost=lost), problem, config)
    mean = np.exp(1 + np.log(4) / 4 * np.linspace(-1, 1, 8))
    zero = (THETA / (THETA + mean)) ** THETA
    variance = mean + mean**2 / THETA
    if lost:
        square = (variance + mean**2) / 2
        mean, zero = mean / 2, 0.5 + zero / 2
        variance = square - mean**2
    expected = {"mean": mean, "variance": variance * 29 / 30, "zero_fraction": zero}
    for name, value in expected.items():
        draws = found[f"predictive_gene_{name}"]
        assert draws.shape == (400, 8)
        standard = (draws.mean(0) - value) / (draws.std(0, ddof=1) / np.sqrt(400))
        assert np.abs(standard).max() < 6, name


def test_chance_is_the_replicates_own(problem: Problem) -> None:
    config = predictive.PosteriorPredictiveConfig(n_samples=2)
    before = torch.get_rng_state()
    one, other = (predictive.of_variant(open_toy(problem), problem, config) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
        assert not np.array_equal(array[0], array[1])


@pytest.mark.parametrize("knows", [False, True])
def test_a_baseline_is_checked_in_closed_form(problem: Problem, knows: bool) -> None:
    """Chance: 50 means of the law it stands for; beyond 8 standard errors below 1e-8 in all."""
    fitted, n = rates(problem, knows), 20_000
    config = predictive.PosteriorPredictiveConfig()
    found = predictive.of_baseline(fitted, problem, config)
    rng = np.random.default_rng(4)
    rows = rng.choice(problem.scored_rows if knows else problem.fitting_rows(), size=(50, n))
    draws = rng.poisson(
        fitted.answer("counts")(rows) * rng.gamma(THETA, 1 / THETA, size=(50, n, 8))
    )
    seen = {"mean": draws.mean(1), "variance": draws.var(1), "zero_fraction": (draws == 0).mean(1)}
    for name, values in seen.items():
        exact = found[f"predictive_gene_{name}"]
        assert exact.shape == (1, 8)
        error = values.std(0, ddof=1) / np.sqrt(50)
        assert np.all(np.abs(values.mean(0) - exact[0]) < 8 * error), name
