"""The log-probability of the zero-inflated negative binomial with an explicit gradient.

    a = theta [log theta - log(theta + mu)] - pi
    x = 0    softplus(a) - softplus(-pi)
    x > 0    a - softplus(-pi) + x [log mu - log(theta + mu)] + log c(x, theta)

with c the coefficient of ``coefficient``.  Most counts are zero: the terms of positive counts are
computed only for these, and the gradient is explicit, because autograd would store and process some
thirty arrays of the size of the counts.  With s = sigmoid(a) and r = theta / (theta + mu), at a
zero

    d mu = - s r      d theta = s [log theta - log(theta + mu) + 1 - r]      d pi = sigmoid(-pi) - s

and at a positive count s = 1, d mu + x / mu - x / (theta + mu), and d theta - x / (theta + mu)
+ digamma(x + theta) - digamma(theta).  Counts have no gradient; there is no second derivative.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bench.parts.nn.nb_coefficient import batched


class _LogProb(torch.autograd.Function):
    """Elementwise over (counts, mu, theta, pi) of one shape; also returns where counts are."""

    @staticmethod
    def forward(counts: Tensor, mu: Tensor, theta: Tensor, pi: Tensor) -> tuple[Tensor, Tensor]:
        log_total = (theta + mu).log_()
        log_ratio = (theta.log() - log_total).mul_(theta).sub_(pi)
        value = softplus(log_ratio).reshape(-1)
        where = counts.reshape(-1).nonzero().squeeze(1)
        x, m, t, a, total = (_at(v, where) for v in (counts, mu, theta, log_ratio, log_total))
        count = torch.lgamma(x + t) - torch.lgamma(t) - torch.lgamma(x + 1)
        value.index_copy_(0, where, a + x * (m.log() - total) + count)
        return value.reshape(counts.shape).sub_(softplus(-pi)), where

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs, output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> tuple[None, Tensor, Tensor, Tensor]:
        return None, *_Slopes.apply(grad, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> Any:
        return _LogProb.apply(*batched(info, in_dims, inputs)), (0, None)


class _Slopes(torch.autograd.Function):
    """The gradient times ``grad``, in mu, theta and pi; without second derivatives."""

    @staticmethod
    def forward(
        grad: Tensor, counts: Tensor, mu: Tensor, theta: Tensor, pi: Tensor, where: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        total = theta + mu
        share = theta / total
        log_share = share.log()
        dropped = (theta * log_share).sub_(pi).sigmoid_().reshape(-1).index_fill_(0, where, 1.0)
        dropped = dropped.reshape(counts.shape)
        of_pi = torch.sigmoid(-pi).sub_(dropped).mul_(grad)
        weight = dropped.mul_(grad)
        of_mu = (weight * share).neg_().reshape(-1)
        of_theta = log_share.add_(1).sub_(share).mul_(weight).reshape(-1)
        g, x, m, t, both = (_at(v, where) for v in (grad, counts, mu, theta, total))
        of_mu.index_add_(0, where, g * (x / m - x / both))
        more = torch.digamma(x + t) - torch.digamma(t) - x / both
        of_theta.index_add_(0, where, g * more)
        return of_mu.reshape(counts.shape), of_theta.reshape(counts.shape), of_pi

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, ...]:
        return (None,) * 6

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> Any:
        *elementwise, where = inputs
        return _Slopes.apply(*batched(info, in_dims[:-1], elementwise), where), (0, 0, 0)


def _at(values: Tensor, where: Tensor) -> Tensor:
    """Values at flat positions."""
    return values.reshape(-1)[where]


def zinb_log_prob(counts: Tensor, mu: Tensor, theta: Tensor, pi: Tensor) -> Tensor:
    """The equation above, broadcast over all four arguments; no gradient in the counts.

    ``mu`` is the mean of the counts without dropout, ``theta`` the inverse dispersion, ``pi`` the
    dropout logit.
    """
    return _LogProb.apply(*torch.broadcast_tensors(counts, mu, theta, pi))[0]
