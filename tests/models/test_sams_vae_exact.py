"""SAMS-VAE where everything is known: one treatment, one latent, a linear Gaussian decoder.

    m ~ Bernoulli(alpha)   e ~ Normal(0, sigma)   b_i ~ Normal(0, 1)   x_i ~ Normal(w z_i + v, s)
    z_i = b_i + D_i e m

The exact likelihood sums over both masks and integrates e and all b in closed form.  A network with
LeakyReLU (slope a) is linear where it has a pair of units: relu(u) - relu(-u) = (1 + a) u.
"""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bench.core.problem import TRAIN, VALIDATION, Problem
from bench.core.variant import ENTRIES
from bench.models.sams_vae_normal import VARIANT, SAMSVAENormalConfig
from bench.training import objective
from bench.training.cells import facts_of, on_device
from bench.training.stack import one_pass

ALPHA, SIGMA = 0.3, 1.5
W, V, S = np.array([0.8, -1.2, 0.5]), np.array([0.3, 0.0, -0.6]), np.array([0.7, 1.1, 0.9])
"""What one latent does to three genes, their means, and the noise around them."""

PAIR = torch.tensor([[1.0], [-1.0]]).double()
LINEAR = PAIR.T / 1.01
"""A pair of units with a slope of .01 below zero, and what takes their difference."""

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
"""Gauss-Hermite: sum of WEIGHTS f(NODES) is the mean of f over a standard normal."""


@pytest.fixture(scope="module")
def problem():
    """Nine training cells, four of them treated, drawn at e m = 0.9; and two for validation."""
    rng = np.random.default_rng(5)
    treated = np.arange(11) % 9 % 2 == 1
    z = rng.normal(size=11) + 0.9 * treated
    values = z[:, None] * W + V + S * rng.normal(size=(11, 3))
    role = np.where(np.arange(11) < 9, TRAIN, VALIDATION).astype(np.int8)
    return Problem(
        counts=csr_matrix(values.astype(np.float32)),
        role=role,
        scored_rows=np.zeros(0, dtype=np.int64),
        labels={"perturbation": np.where(treated, "A", "control")},
        measured="values",
    )


def training_cells(problem):
    """Values and who is treated, as the exact formulas take them."""
    rows = problem.rows(TRAIN)
    return problem.counts[rows].toarray().astype(float), problem.labels["perturbation"][rows] == "A"


def about(n):
    """The covariance of n cells, gene within cell, given the globals."""
    return np.kron(np.eye(n), np.outer(W, W) + np.diag(S**2))


def log_likelihood_by_mask(problem):
    """(2,) log p(X, m) of all training cells, e and every b integrated out."""
    values, treated = training_cells(problem)
    moved, still = (values[treated] - V).ravel(), (values[~treated] - V).ravel()
    n, alike = int(treated.sum()), np.tile(W, int(treated.sum()))
    of_controls = multivariate_normal.logpdf(still, cov=about(len(values) - n))
    prior = np.log([1 - ALPHA, ALPHA])
    covariances = [about(n), about(n) + SIGMA**2 * np.outer(alike, alike)]
    each = [multivariate_normal.logpdf(moved, cov=covariance) for covariance in covariances]
    return of_controls + prior + np.array(each)


def embedding_given_data(problem):
    """Mean and variance of e given X and m = 1."""
    values, treated = training_cells(problem)
    weight = np.linalg.solve(about(1), W)
    precision = 1 / SIGMA**2 + treated.sum() * weight @ W
    return (values[treated] - V).sum(0) @ weight / precision, 1 / precision


def module_of(problem, **settings):
    """The model with its decoder set, and everything else as it starts."""
    torch.manual_seed(3)
    sizes = {"n_latent": 1, "n_hidden": 2, "guide_hidden": 1, "guide_layers": 1}
    prior = {"mask_prior_probability": ALPHA, "embedding_prior_scale": SIGMA}
    config = SAMSVAENormalConfig(**sizes, **prior, **settings)
    module = VARIANT.build(facts_of(problem), config).double()
    decoder = module.observation.decoder
    fill(decoder.tower.layers[0], PAIR, 0.0)
    fill(decoder.mean, torch.tensor(W)[:, None] @ LINEAR, torch.tensor(V))
    with torch.no_grad():
        decoder.log_variance.copy_(torch.tensor(2 * np.log(S)))
    return module


def fill(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        if layer.bias is not None:
            layer.bias.copy_(torch.as_tensor(bias))


def log_variance(value):
    """What a head has to say for this variance."""
    return math.log(value - 1e-4)


def set_to_the_posterior(module, problem):
    """q(m), q(e | m) and q(b | x, e m) as the data have them."""
    mean, variance = embedding_given_data(problem)
    by_mask = log_likelihood_by_mask(problem)
    guide, encoder, look = module.treatments.embedding, module.encoder, module.observation.input
    with torch.no_grad():
        module.treatments.mask.logit.fill_(by_mask[1] - by_mask[0])
    fill(guide.tower.layers[0], [[1.0, 0.0]], 0.0)  # the hidden unit is the mask
    fill(guide.head.mean, [[mean]], 0.0)
    off, on = log_variance(SIGMA**2), log_variance(variance)
    fill(guide.head.log_variance, [[on - off]], off)
    spread = 1 / (1 + (W**2 / S**2).sum())
    slope = torch.tensor(spread * W / S**2)
    start = slope @ (look.mean.double() - torch.tensor(V))
    fill(encoder.tower.layers[0], PAIR @ (slope * look.sd)[None], PAIR[:, 0] * start)
    fill(encoder.known, PAIR * float(-(slope * torch.tensor(W)).sum()), 0.0)
    fill(encoder.head.mean, LINEAR, 0.0)
    fill(encoder.head.log_variance, torch.zeros(1, 2), log_variance(spread))


def moved_away(module, seed):
    """Every parameter of the guide and the encoder a little off."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not name.startswith("observation.decoder"):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def cells_of(problem, rows):
    cells = on_device(problem, VARIANT, torch.device("cpu")).minibatch(torch.as_tensor(rows))
    fields = {k: v for k, v in cells.items() if k != ENTRIES}
    return {k: v.double() if v.is_floating_point() else v for k, v in fields.items()}


def passed(module, cells, noise):
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    with torch.no_grad():
        return one_pass(module, params, buffers, cells, noise)


def noise_at(n_cells, mask, embedding, z):
    """One draw: this mask, and all cells at one node."""
    return {
        "z": torch.full((1, n_cells, 1), float(z)).double(),
        "mask": torch.full((1, 1, 1), 1 - 1e-6 if mask else 1e-6).double(),
        "embedding": torch.full((1, 1, 1), float(embedding)).double(),
    }


def exact_bound(module, problem):
    """The ELBO of all training cells: masks enumerated, quadrature over e and b."""
    rows = problem.rows(TRAIN)
    cells, total = cells_of(problem, rows), 0.0
    on = module.treatments.mask.probability.item()
    for mask, share in ((0, 1 - on), (1, on)):
        for e, weight_e in zip(NODES, WEIGHTS, strict=True):
            for b, weight_b in zip(NODES, WEIGHTS, strict=True):
                terms = passed(module, cells, noise_at(len(rows), mask, e, b))
                bound = float(objective.bound(terms, len(rows), "elbo"))
                total += share * weight_e * weight_b * bound
    return total * len(rows)


def test_at_the_exact_posterior_the_bound_is_the_log_likelihood(problem):
    module = module_of(problem)
    set_to_the_posterior(module, problem)
    on = module.treatments.mask.probability.item()
    assert 0.1 < on < 0.9, "both masks have a say"
    exact = logsumexp(log_likelihood_by_mask(problem))
    assert exact_bound(module, problem) == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize("mean_field_encoder", [False, True])
@pytest.mark.parametrize("guide", ["mean_field", "correlated"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.nightly
def test_anywhere_else_the_bound_lies_below(problem, guide, mean_field_encoder, seed):
    module = module_of(problem, guide=guide, mean_field_encoder=mean_field_encoder)
    exact = logsumexp(log_likelihood_by_mask(problem))
    assert exact_bound(module, problem) < exact - 0.01
    assert exact_bound(moved_away(module, seed), problem) < exact - 0.01


def test_a_little_off_the_exact_posterior_the_bound_lies_a_little_below(problem):
    """In every direction of guide and encoder, so the posterior is a maximum."""
    exact = logsumexp(log_likelihood_by_mask(problem))
    for seed in range(5):
        module = module_of(problem)
        set_to_the_posterior(module, problem)
        assert exact_bound(moved_away(module, seed), problem) < exact - 1e-4


def likelihood_given(problem, moved):
    """(cell,) log p(x | e m) of the training cells."""
    values, treated = training_cells(problem)
    pairs = zip(values, V + np.outer(treated * moved, W), strict=True)
    return np.array([multivariate_normal.logpdf(x, mean, about(1)) for x, mean in pairs])


def log_weights(module, problem, mask, z):
    """(draw, cell) log importance weights at e of one node and these draws of b; and e m."""
    cells, n_draws = cells_of(problem, problem.rows(TRAIN)), len(z)
    noise = {k: v.expand(n_draws, *v.shape[1:]) for k, v in noise_at(9, mask, 0.4, 0).items()}
    weights = passed(module, cells, {**noise, "z": z.expand(n_draws, 9, 1)}).log_weight
    moved = module.treatments.draw({k: v[0] for k, v in noise.items()}).moved.item()
    assert (moved != 0) == bool(mask)
    return weights.numpy(), moved


@pytest.mark.parametrize("mask", [0, 1])
@pytest.mark.parametrize("seed", [1, 7])
def test_the_importance_weights_average_to_the_likelihood_given_the_globals(problem, mask, seed):
    grid = torch.linspace(-20, 20, 8001, dtype=torch.float64)
    module = moved_away(module_of(problem), seed)
    weights, moved = log_weights(module, problem, mask, grid[:, None, None])
    density = -0.5 * grid.numpy()[:, None] ** 2 - 0.5 * math.log(2 * math.pi)
    integral = logsumexp(weights + density, axis=0) + math.log(40 / 8000)
    np.testing.assert_allclose(integral, likelihood_given(problem, moved), atol=1e-8)


@pytest.mark.parametrize("mask", [0, 1])
def test_the_weighted_bound_approaches_the_likelihood_given_the_globals(problem, mask):
    """Chances: 200,000 draws of an encoder that is wider than the posterior, so that weights are
    bounded.  Within 6 standard errors in every cell: a false alarm is below 1e-7 in all.
    """
    normal = torch.randn(200_000, 9, 1, generator=torch.Generator().manual_seed(2))
    weights, moved = log_weights(module_of(problem), problem, mask, normal.double())
    exact = likelihood_given(problem, moved)
    error = np.exp(weights - exact).std(0) / math.sqrt(len(weights))
    assert (error < 0.02).all()
    by_hundred = logsumexp(weights.reshape(-1, 100, 9), axis=1).mean(0) - math.log(100)
    assert (weights.mean(0) < by_hundred).all()
    assert (by_hundred < exact + 6 * error).all()
    assert (exact - by_hundred < 0.1 * (exact - weights.mean(0)) + 6 * error).all()
