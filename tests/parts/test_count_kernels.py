"""The kernels of count laws against fifty digits, over the whole range of their arguments.

Rows of one gene, so that no error is hidden in a sum.  A gradient that is a difference is compared
relative to its terms: d/d mu to x / mu and (x + theta) / (theta + mu), d/d theta to the sum over
the x Poisson steps and the term of a count of zero.
"""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from bench.parts.nn.distributions import NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial
from bench.parts.nn.kernels import elementary

TOLERANCE = 1e-5
UNDERFLOW = 1e-36
"""Smaller values have no float32."""


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of any size in this range, exact in float32."""
    logs = st.floats(np.log(low), np.log(high))
    return logs.map(lambda value: float(np.float32(np.exp(value))))


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 40), st.integers(0, 100_000)).map(float)
MEANS, THETAS = between(1e-8, 1e6), between(1e-4, 1e6)
LOGITS = st.floats(-30, 30, width=32)
NEAR = st.floats(-0.2, 0.2)


class Truth:
    """Value and gradients of the negative binomial at a count, with the size of their terms."""

    def __init__(self, count: float, mean: float, theta: float) -> None:
        x, m, r = mpf(count), mpf(mean), mpf(theta)
        zero = -r * mpmath.log1p(m / r)
        coefficient = mpmath.loggamma(x + r) - mpmath.loggamma(r) - mpmath.loggamma(x + 1)
        self.value = coefficient + x * mpmath.log(m / (r + m)) + zero
        self.of_mean = x / m - (x + r) / (r + m)
        steps = mpmath.digamma(x + r) - mpmath.digamma(r) - x / (r + m)
        at_zero = m / (r + m) - mpmath.log1p(m / r)
        self.of_theta = steps + at_zero
        self.sizes = [x / m + (x + r) / (r + m), abs(steps) + abs(at_zero)]


def parts_of(law_of, count: float, *parameters: float) -> list[float]:
    """The value of one count and its gradients, float32."""
    given_ = [torch.tensor([[one]], dtype=torch.float32, requires_grad=True) for one in parameters]
    cells = {"counts": torch.tensor([[count]]), "observed": torch.ones(1, 1)}
    value = law_of(*given_).log_likelihood(cells)
    return [value.item(), *(one.item() for one in torch.autograd.grad(value.sum(), given_))]


def agree(found: list[float], expected: list, sizes: list) -> None:
    for mine, true, size in zip(found, expected, sizes, strict=True):
        assert abs(mpf(mine) - true) <= TOLERANCE * size + UNDERFLOW, (mine, true)


@given(count=COUNTS, mean=MEANS)
@settings(deadline=None, max_examples=150)
def test_poisson(count, mean):
    x, m = mpf(count), mpf(mean)
    value, slope = x * mpmath.log(m) - m - mpmath.loggamma(x + 1), x / m - 1
    agree(parts_of(Poisson, count, mean), [value, slope], [abs(value), x / m + 1])


@given(count=COUNTS, mean=MEANS, theta=THETAS)
@settings(deadline=None, max_examples=300)
def test_negative_binomial(count, mean, theta):
    with mpmath.workdps(50):
        true = Truth(count, mean, theta)
        expected = [true.value, true.of_mean, true.of_theta]
        sizes = [abs(true.value), *true.sizes]
        agree(parts_of(NegativeBinomial, count, mean, theta), expected, sizes)


@given(count=st.integers(1, 100_000).map(float), near=NEAR, theta=THETAS)
@settings(deadline=None, max_examples=150)
def test_negative_binomial_where_its_terms_cancel(count, near, theta):
    """At mu = x the value is small and its terms are large."""
    mean = float(np.float32(count * np.exp(near)))
    with mpmath.workdps(50):
        true = Truth(count, mean, theta)
        expected = [true.value, true.of_mean, true.of_theta]
        sizes = [abs(true.value), *true.sizes]
        agree(parts_of(NegativeBinomial, count, mean, theta), expected, sizes)


@given(count=COUNTS, mean=MEANS, theta=THETAS, logit=LOGITS)
@settings(deadline=None, max_examples=300)
def test_zero_inflated_negative_binomial(count, mean, theta, logit):
    with mpmath.workdps(50):
        true, q = Truth(count, mean, theta), mpf(logit)
        lost, kept = 1 / (1 + mpmath.exp(-q)), 1 / (1 + mpmath.exp(q))
        if count:
            value, weight, of_logit = true.value + mpmath.log(kept), mpf(1), -lost
        else:
            zero = mpmath.exp(true.value)
            total = lost + kept * zero
            value, weight = mpmath.log1p(kept * mpmath.expm1(true.value)), kept * zero / total
            of_logit = -lost * kept * mpmath.expm1(true.value) / total
        expected = [value, weight * true.of_mean, weight * true.of_theta, of_logit]
        sizes = [abs(value), *(weight * size for size in true.sizes), abs(of_logit)]
        found = parts_of(ZeroInflatedNegativeBinomial, count, mean, theta, logit)
        agree(found, expected, sizes)


@pytest.mark.parametrize("logit", [-300.0, -80.0, -41.0, -39.0, 80.0, 300.0])
def test_certain_dropout_and_none(logit):
    """Of a zero with log n = -60: far from both, close to both, and out of the range of exp."""
    theta = float(np.float32(20.0))
    mean = float(np.float32(theta * np.expm1(60 / theta)))
    found = parts_of(ZeroInflatedNegativeBinomial, 0.0, mean, theta, logit)
    log_n, log_lost = -theta * np.log1p(mean / theta), -np.logaddexp(0, -logit)
    value = np.logaddexp(log_lost, log_n - np.logaddexp(0, logit))
    assert found[0] == pytest.approx(value, rel=TOLERANCE, abs=1e-30)
    weight = np.exp(log_n - np.logaddexp(0, logit) - value)
    assert found[1] == pytest.approx(-weight * theta / (theta + mean), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("count", [0.0, 3.0, 50.0])
def test_nan_in_nan_out(count, place):
    parameters = [1.5, 0.7, -0.3]
    parameters[place] = float("nan")
    found = parts_of(ZeroInflatedNegativeBinomial, count, *parameters)
    assert np.isnan(found[0])
    assert np.isnan(found[1 + place])


@pytest.mark.parametrize("strange", [float("inf"), float("-inf"), 1e38, -1.0, 0.0])
@pytest.mark.parametrize("place", range(4))
def test_strange_arguments_end(strange, place):
    """No loop runs as long as an argument is large; the value may be anything."""
    arguments = [3.0, 1.5, 0.7, -0.3]
    arguments[place] = strange
    assert len(parts_of(ZeroInflatedNegativeBinomial, *arguments)) == 4
    assert len(parts_of(NegativeBinomial, *arguments[:3])) == 3
    assert len(parts_of(Poisson, *arguments[:2])) == 2


def relative_error(found, true) -> float:
    return float(np.max(np.abs(np.asarray(found, dtype=float) / true - 1)))


def test_elementary_functions():
    x = np.linspace(-86.9, 87.9, 20_001).astype(np.float32)
    each = [elementary.exp_and_less_one(one) for one in x]
    assert relative_error([e for e, _ in each], np.exp(x.astype(float))) < 3e-7
    small = np.abs(x) > 0
    less_one = np.array([one for _, one in each])[small]
    assert relative_error(less_one, np.expm1(x[small].astype(float))) < 5e-7
    t = np.exp(np.linspace(-60, 60, 20_001)).astype(np.float32)
    logs = np.log(t.astype(float))
    found = np.array([elementary.log(one) for one in t], dtype=float)
    assert np.max(np.abs(found - logs) / np.maximum(np.abs(logs), 1e-6)) < 3e-7
    found = [elementary.log1p(one) for one in t]
    assert relative_error(found, np.log1p(t.astype(float))) < 3e-7
    t = t[t > 1e-15]
    tails = [elementary.log1p_tail(one, elementary.log1p(one)) for one in t]
    with mpmath.workdps(60):
        true = [one / (1 + one) - mpmath.log1p(one) for one in map(mpf, map(float, t[::50]))]
    assert relative_error(tails[::50], np.array(true, dtype=float)) < 5e-6
