"""The coefficient of the negative binomial, computed only for non-zero counts x.

    log c(x, theta) = log Gamma(x + theta) - log Gamma(theta) - log x!

It is zero for x = 0, and most counts are zero.  Log-gamma and digamma are by far the most expensive
operations of the likelihood; next is the search for non-zeros, which runs once per pass.  The
gradient with respect to theta is digamma(x + theta) - digamma(theta); counts have no gradient.
"""

from typing import Any

import torch
from torch import Tensor


class _LogCoefficient(torch.autograd.Function):
    """Elementwise over (counts, theta) of one shape; also returns where counts are not zero."""

    @staticmethod
    def forward(counts: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        where = counts.reshape(-1).nonzero().squeeze(1)
        x, at = counts.reshape(-1)[where], theta.reshape(-1)[where]
        value = torch.lgamma(x + at) - torch.lgamma(at) - torch.lgamma(x + 1)
        return _spread(value, where, theta), where

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]
    ) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*inputs, output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> tuple[None, Tensor]:
        counts, theta, where = ctx.saved_tensors
        return None, _Slope.apply(grad, counts, theta, where)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> Any:
        return _LogCoefficient.apply(*batched(info, in_dims, inputs)), (0, None)


class _Slope(torch.autograd.Function):
    """grad * (digamma(x + theta) - digamma(theta)); without second derivatives."""

    @staticmethod
    def forward(grad: Tensor, counts: Tensor, theta: Tensor, where: Tensor) -> Tensor:
        x, at = counts.reshape(-1)[where], theta.reshape(-1)[where]
        slope = torch.digamma(x + at) - torch.digamma(at)
        return _spread(grad.reshape(-1)[where] * slope, where, theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, None, None]:
        return None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> Any:
        *elementwise, where = inputs
        return _Slope.apply(*batched(info, in_dims[:-1], elementwise), where), 0


def _spread(values: Tensor, where: Tensor, like: Tensor) -> Tensor:
    """An array of zeros with values at flat positions."""
    flat = torch.zeros(like.numel(), dtype=values.dtype, device=values.device)
    return flat.index_copy_(0, where, values).reshape(like.shape)


def batched(info: Any, in_dims: Any, inputs: Any) -> list[Tensor]:
    """All inputs with the mapped axis in front, which suffices for elementwise functions."""
    size = info.batch_size
    moved = zip(inputs, in_dims, strict=True)
    return [x.expand(size, *x.shape) if d is None else x.movedim(d, 0) for x, d in moved]


def log_coefficient(counts: Tensor, theta: Tensor) -> Tensor:
    """The equation above, broadcast over both arguments; gradient in theta only."""
    counts, theta = torch.broadcast_tensors(counts, theta)
    return _LogCoefficient.apply(counts, theta)[0]
