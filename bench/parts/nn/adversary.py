"""Adversaries: networks that predict from a latent the information that it should not contain.

    loss of both = prediction loss(adversary(r(z))) + weight_2 mean (d sum_k logit_k / d z)^2
    r(z) = z,  with its gradient reversed and scaled by ``adversary_weight``

So one step of one optimiser improves the prediction of the adversary and trains the encoder to make
it worse.  The second term, which makes the adversary smooth, has no gradient to the encoder: z is
fixed there.  Adversaries have no BatchNorm, so that the prediction for a cell depends on that cell
only.
Source: Ganin et al. 2016, arXiv 1505.07818; the squared gradient: CPA, Lotfollahi et al. 2023,
doi:10.15252/msb.202211517.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.func import grad
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bench.parts.nn.networks import plain_block, tower


def reversed_gradient(z: Tensor, weight: float) -> Tensor:
    """z unchanged, with its gradient multiplied by ``-weight``."""
    held = z.detach()
    return held - weight * (z - held)


def squared_gradient(logits: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """() mean over cells and dimensions of (d sum_k logit_k / d z)^2, without gradient to z.

    ``logits`` maps (cell, latent) to (cell, k), independently for each cell.
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
    """() cross-entropy of the treatments, nats per cell, summed over the ``seen`` treatments.

    ``given`` (cell, treatment) is 1 for the treatments of a cell, else 0; ``seen`` (treatment,) is
    1 for treatments with training cells, else 0.
    """
    each = binary_cross_entropy_with_logits(logits, given, reduction="none")
    return (each * seen).sum(-1).mean()


def misread_label(logits: Tensor, code: Tensor) -> Tensor:
    """() cross-entropy of the codes of one label, nats per cell."""
    return cross_entropy(logits, code)
