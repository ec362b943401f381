"""log Gamma(x + theta) - log Gamma(theta), computed only where the count x is not zero.

Most counts are zero, and there the difference is zero too, while log-gamma and digamma are by far
the dearest operations of a negative binomial likelihood.  The gradient with respect to theta is
digamma(x + theta) - digamma(theta); counts have none.
"""

from typing import Any

import torch
from torch import Tensor


class _LogRising(torch.autograd.Function):
    """Elementwise over (counts, theta) of one shape; see the module's equation."""

    @staticmethod
    def forward(counts: Tensor, theta: Tensor) -> Tensor:
        out = torch.zeros_like(theta)
        seen = counts > 0
        at = theta[seen]
        out[seen] = torch.lgamma(counts[seen] + at) - torch.lgamma(at)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        counts, theta = ctx.saved_tensors
        return None, grad * _Slope.apply(counts, theta)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, int | None], *inputs: Tensor) -> Any:
        return _LogRising.apply(*_batched(info, in_dims, inputs)), 0


class _Slope(torch.autograd.Function):
    """digamma(counts + theta) - digamma(theta), zero where the count is; differentiable once."""

    @staticmethod
    def forward(counts: Tensor, theta: Tensor) -> Tensor:
        out = torch.zeros_like(theta)
        seen = counts > 0
        at = theta[seen]
        out[seen] = torch.digamma(counts[seen] + at) - torch.digamma(at)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None]:
        return None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, int | None], *inputs: Tensor) -> Any:
        return _Slope.apply(*_batched(info, in_dims, inputs)), 0


def _batched(
    info: Any, in_dims: tuple[int | None, ...], inputs: tuple[Tensor, ...]
) -> list[Tensor]:
    """Both inputs with the mapped axis in front: elementwise functions need no more than that."""
    size = info.batch_size
    moved = zip(inputs, in_dims, strict=True)
    return [x.expand(size, *x.shape) if d is None else x.movedim(d, 0) for x, d in moved]


def log_rising(counts: Tensor, theta: Tensor) -> Tensor:
    """log Gamma(counts + theta) - log Gamma(theta), broadcast over both; gradient in theta only."""
    counts, theta = torch.broadcast_tensors(counts, theta)
    return _LogRising.apply(counts, theta)
