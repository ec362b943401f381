"""Adversaries: networks that try to read from a latent what it should not tell.

    loss of both sides = reading(adversary(r(z))) + weight_2 mean (d sum_k logit_k / d z)^2
    r(z) = z,  but its gradient is turned around and scaled by ``adversary_weight``

So one step of one optimiser lets the adversary read better and the encoder be read worse.  The
second term, which keeps the adversary smooth, is a matter of the adversary alone: z is held fixed.
Adversaries have no BatchNorm, so what one reads of a cell rests on that cell.
Source: Ganin et al. 2016, arXiv 1505.07818; the squared gradient: CPA, Lotfollahi et al. 2023,
doi:10.15252/msb.202211517.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.func import grad
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bench.parts.nn.networks import plain_block, tower


def reversed_gradient(z: Tensor, weight: float) -> Tensor:
    """z to the bit, whose gradient is ``-weight`` times what it would be."""
    held = z.detach()
    return held - weight * (z - held)


def squared_gradient(logits: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """() mean over cells and dimensions of (d sum_k logit_k / d z)^2, of use to ``logits`` alone.

    ``logits`` takes (cell, latent) to (cell, k), each cell on its own.
    """
    slope = grad(lambda at: logits(at).sum())(z.detach())
    return slope.square().mean()


class Adversary(nn.Module):
    """(cell, latent) -> logits, through hidden layers with ReLU."""

    def __init__(self, n_latent: int, n_hidden: int, n_layers: int, n_out: int) -> None:
        super().__init__()
        self.trunk = tower(plain_block, [n_latent] + [n_hidden] * n_layers)
        self.out = nn.Linear(n_hidden, n_out)

    def forward(self, z: Tensor) -> Tensor:
        return self.out(self.trunk(z))


def misread_treatments(logits: Tensor, given: Tensor, seen: Tensor) -> Tensor:
    """() nats per cell of reading which treatments were given, summed over those ``seen``.

    ``given`` (cell, treatment) is 1 where the cell had it, else 0; ``seen`` (treatment,) likewise.
    """
    each = binary_cross_entropy_with_logits(logits, given, reduction="none")
    return (each * seen).sum(-1).mean()


def misread_label(logits: Tensor, code: Tensor) -> Tensor:
    """() nats per cell of reading one label's code."""
    return cross_entropy(logits, code)
