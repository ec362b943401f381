"""The fused log-probability against its plain form: values, gradients, and through ``vmap``."""

import pytest
import torch
from torch.func import vmap
from torch.nn.functional import softplus

from bench.parts.nn.distributions import NegativeBinomial
from bench.parts.nn.zinb import zinb_log_prob


@pytest.fixture
def arguments():
    """Counts, most of them zero, and parameters of other shapes; float64."""
    generator = torch.Generator().manual_seed(2)
    rate = torch.rand(3, 4, generator=generator).double() * 2
    counts = torch.poisson(rate, generator=generator)
    assert 0 < (counts > 0).sum() < counts.numel()
    mu = torch.rand(3, 4, generator=generator).double() + 0.1
    theta = torch.rand(1, 4, generator=generator).double() + 0.2
    pi = torch.randn(3, 4, generator=generator).double()
    return counts, *(value.requires_grad_() for value in (mu, theta, pi))


def plain(counts, mu, theta, pi):
    """Term by term, left to autograd."""
    kept = NegativeBinomial(mu, theta)
    zero = softplus(kept.log_zero() - pi)
    return torch.where(counts > 0, kept.log_prob(counts) - pi, zero) - softplus(-pi)


def test_it_is_the_plain_form(arguments):
    torch.testing.assert_close(zinb_log_prob(*arguments), plain(*arguments))


def test_gradients(arguments):
    counts, *parameters = arguments
    assert torch.autograd.gradcheck(lambda *p: zinb_log_prob(counts, *p), parameters)


def test_values_and_gradients_pass_through_a_stack_of_replicates(arguments):
    counts, *parameters = arguments
    stacked = [torch.stack([p.detach(), 0.7 * p.detach().abs() + 0.1]) for p in parameters]
    one, other = ([p.clone().requires_grad_() for p in stacked] for _ in range(2))
    together = vmap(zinb_log_prob, in_dims=(None, 0, 0, 0))(counts, *one)
    alone = torch.stack([plain(counts, *(p[i] for p in other)) for i in range(2)])
    torch.testing.assert_close(together, alone)
    (together * counts.cos()).sum().backward()
    (alone * counts.cos()).sum().backward()
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_nested_draws(arguments):
    counts, mu, theta, pi = (value.detach() for value in arguments)
    drawn = torch.stack([torch.stack([mu * (1 + r + d) for d in range(3)]) for r in range(2)])
    inner = vmap(zinb_log_prob, in_dims=(None, 0, None, None))
    found = vmap(inner, in_dims=(None, 0, None, None))(counts, drawn, theta, pi)
    torch.testing.assert_close(found[1, 2], plain(counts, drawn[1, 2], theta, pi))


@pytest.mark.parametrize("logit", [-80.0, 80.0])
def test_extreme_dropout_stays_finite(arguments, logit):
    counts, mu, theta, pi = (value.detach().float() for value in arguments)
    mu, far = mu.requires_grad_(), torch.full_like(pi, logit).requires_grad_()
    value = zinb_log_prob(counts, mu, theta, far)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(mu.grad).all()
    assert torch.isfinite(far.grad).all()
