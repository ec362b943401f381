"""The enumerated bound against quadrature, on models small enough to integrate exactly."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.flows import FlowedGaussian, build_flow
from bench.parts.nn.label_prior import (
    TypeClassifier,
    TypedPrior,
    cross_entropy,
    mean_over_known,
    summed_over_types,
)

N_TYPES = 2
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
"""Gauss-Hermite: sum of WEIGHTS f(NODES) is the mean of f over a standard normal."""

POSTERIOR = Gaussian(torch.tensor([[0.3]]).double(), torch.tensor([[0.6]]).double())
SEEN, NOISE = 0.8, 0.7
"""x = 0.8 was seen, and x | z is Normal(z, 0.7)."""


@pytest.fixture(scope="module")
def model():
    """Two types, one latent dimension, networks in evaluation mode with random weights."""
    torch.manual_seed(3)
    typed = TypedPrior((1, 1), N_TYPES, n_hidden=3).double().eval()
    classifier = TypeClassifier(1, N_TYPES, n_hidden=3, n_layers=1, dropout=0.0).double().eval()
    for parameter in [*typed.parameters(), *classifier.parameters()]:
        torch.nn.init.normal_(parameter, std=0.5)
    return typed, classifier


def flow_of(kind):
    torch.manual_seed(4)
    flow = build_flow(kind, 1, 2, 4).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return flow


def ours(model, flow, noise_z, noise_u, known):
    """(draw,) the ELBO's terms and the importance weight, one cell per draw, of the code."""
    typed, classifier = model
    n = len(noise_z)
    base = Gaussian(*(part.expand(n, 1) for part in POSTERIOR))
    with torch.no_grad():
        z, log_q = FlowedGaussian(base, flow).draw(torch.as_tensor(noise_z)[:, None])
        each = typed(z, torch.as_tensor(noise_u)[:, None])
        told = torch.full((n,), known)
        summed = summed_over_types(each, log_q, classifier(z), told)
        likelihood = normal(SEEN, z[:, 0].numpy(), NOISE)
    bound = likelihood - sum(summed.local.values()).numpy()
    return bound, likelihood + summed.log_weight.numpy()


def normal(x, mean, scale):
    """log Normal(x; mean, scale), nats."""
    return -0.5 * ((x - mean) / scale) ** 2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def networks(module, x, kind):
    """Mean and scale that one of the prior's two networks gives for numbers x and a type."""
    column = torch.zeros(len(x), N_TYPES).double()
    column[:, kind] = 1
    with torch.no_grad():
        out = module(torch.as_tensor(x)[:, None], [column], None)
    return out.mean[:, 0].numpy(), out.scale[:, 0].numpy()


def elbo_by_quadrature(model, flow, known):
    """E over z ~ q(z | x), y ~ q(y | z), u ~ q(u | z, y) of log p(x, z, y, u) - log q, directly.

    The density of z under a flow is taken from its inverse slope on a fine grid, not from the code.
    """
    typed, classifier = model
    z0 = POSTERIOR.mean.item() + POSTERIOR.scale.item() * NODES
    with torch.no_grad():
        z = flow(torch.as_tensor(z0)[:, None])[0][:, 0].numpy()
        step = 1e-5
        up, down = (flow(torch.as_tensor(z0 + s)[:, None])[0][:, 0].numpy() for s in (step, -step))
        shares = classifier(torch.as_tensor(z)[:, None]).softmax(-1).numpy()
    slope = (up - down) / (2 * step)
    log_q_z = normal(z0, POSTERIOR.mean.item(), POSTERIOR.scale.item()) - np.log(np.abs(slope))
    total = 0.0
    for kind in range(N_TYPES):
        share = shares[:, kind] if known < 0 else np.full(len(z), float(kind == known))
        centre, width = networks(typed.within, z, kind)
        inner = np.zeros(len(z))
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            u = centre + width * node
            prior_mean, prior_scale = networks(typed.prior, u, kind)
            joint = normal(SEEN, z, NOISE) + normal(z, prior_mean, prior_scale) + normal(u, 0, 1)
            inner += weight * (joint - math.log(N_TYPES) - normal(u, centre, width))
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = np.where(share > 0, share * np.log(share), 0.0)
        total += (WEIGHTS * (share * (inner - log_q_z) - entropy)).sum()
    return total


def log_likelihood_by_quadrature(model, known):
    """log p(x), or log p(x, y) of a known type, on a grid of z and nodes of u."""
    typed, _ = model
    z = np.linspace(-12, 12, 4001)
    parts = []
    for kind in range(N_TYPES) if known < 0 else [known]:
        mean, scale = networks(typed.prior, NODES, kind)
        log_prior = logsumexp(normal(z[:, None], mean, scale) + np.log(WEIGHTS), axis=1)
        parts.append(log_prior + normal(SEEN, z, NOISE) - math.log(N_TYPES))
    return logsumexp(parts) + math.log(z[1] - z[0])


@pytest.mark.parametrize("known", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["none", "planar"])
def test_the_enumerated_bound_is_the_integral(model, kind, known):
    flow = flow_of(kind)
    first, second = (grid.ravel() for grid in np.meshgrid(NODES, NODES, indexing="ij"))
    weight = np.outer(WEIGHTS, WEIGHTS).ravel()
    bound, _ = ours(model, flow, first, second, known)
    expected = elbo_by_quadrature(model, flow, known)
    assert (weight * bound).sum() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("known", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["none", "planar"])
def test_the_weighted_bound_approaches_the_exact_likelihood(model, kind, known):
    """Chances: the mean weight of 400,000 draws lies within 6 standard errors of p(x).

    False alarms have probability below 1e-8; the error is below 0.01 relative, so a wrong term
    shows.  The bound of the draws lies below the likelihood, and grows towards it.
    """
    noise = np.random.default_rng(1).normal(size=(2, 400_000))
    bound, log_weight = ours(model, flow_of(kind), *noise, known)
    exact = log_likelihood_by_quadrature(model, known)
    ratio = np.exp(log_weight - exact)
    error = ratio.std() / math.sqrt(ratio.size)
    assert error < 0.01
    assert abs(ratio.mean() - 1) < 6 * error
    blocks = log_weight.reshape(-1, 100)
    by_hundred = (logsumexp(blocks, axis=1) - math.log(100)).mean()
    assert bound.mean() <= log_weight.mean() + 1e-12 < by_hundred < exact + 6 * error


def test_a_known_type_costs_what_its_own_terms_say(model):
    typed, classifier = model
    z, noise = torch.randn(5, 1).double(), torch.randn(5, 1).double()
    each, logits = typed(z, noise), classifier(z)
    known = torch.tensor([0, 1, -1, 1, 0])
    summed = summed_over_types(each, torch.zeros(5).double(), logits, known)
    free = summed_over_types(each, torch.zeros(5).double(), logits)
    for cell, kind in enumerate(known.tolist()):
        if kind < 0:
            assert summed.log_weight[cell] == free.log_weight[cell]
            continue
        assert summed.local["kl_u"][cell] == each.kl_u[cell, kind]
        assert summed.local["kl_z"][cell] == -each.log_prior[cell, kind]
        assert summed.local["kl_type"][cell].item() == pytest.approx(math.log(N_TYPES))


def test_gradients_are_finite_where_a_type_is_all_but_certain(model):
    typed, _ = model
    logits = torch.tensor([[400.0, -400.0], [0.0, 0.0]]).double().requires_grad_()
    each = typed(torch.zeros(2, 1).double(), torch.zeros(2, 1).double())
    known = torch.tensor([-1, 1])
    summed = summed_over_types(each, torch.zeros(2).double(), logits, known)
    (
        sum(term.sum() for term in summed.local.values()) + cross_entropy(logits, known).sum()
    ).backward()
    assert torch.isfinite(logits.grad).all()


def test_cross_entropy_counts_known_cells_alone():
    logits, known = torch.randn(6, 3), torch.tensor([0, -1, 2, -1, 1, -1])
    missed = cross_entropy(logits, known)
    expected = torch.nn.functional.cross_entropy(logits[known >= 0], known[known >= 0])
    torch.testing.assert_close(mean_over_known(missed, known), expected)
    nobody = torch.full((6,), -1)
    assert mean_over_known(cross_entropy(logits, nobody), nobody) == 0


def test_a_classifier_without_hidden_layers_is_linear():
    torch.manual_seed(0)
    linear = TypeClassifier(3, 4, n_hidden=5, n_layers=0, dropout=0.5).double()
    first, second = torch.randn(2, 6, 3).double()
    middle = linear((first + second) / 2)
    torch.testing.assert_close(middle, (linear(first) + linear(second)) / 2)
