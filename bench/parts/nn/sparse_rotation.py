"""The rotation of the latents after which treatments shift the fewest of them.

    A = argmin over orthogonal A of mean_tk sqrt((M A)_tk^2 + r^2 / 4)
    M (treatment, latent) the shifts,   r^2 = mean_tk M_tk^2, invariant under rotation

A model with basal latents N(0, I) has the same likelihood in every orthogonal basis, so the
likelihood does not determine the axes of the mask, and gradient steps hardly rotate them.  This
module rotates them in one step.  The initial mask is on where a shift exceeds s / 3, with
s^2 = mean (M A)^4 / mean (M A)^2, the size of the shifts if all are equal: the mask's prior can
later switch off entries that are wrongly on, while entries that are wrongly off hardly switch on.
Varimax and quartimax, which maximise fourth powers, do not find such shifts.
Source: component losses, Jennrich 2004, Psychometrika 69:257, doi:10.1007/BF02295943.
"""

import torch
from torch import Tensor

from bench.core.variant import StateDict

N_STARTS, MOST_STEPS = 8, 400
CERTAIN = 2.0
"""Initial mask logit of entries that are on; its negative for all others."""

DECODER = "decoder.tower.layers.0.weight"
"""Suffix of the name of the decoder's first weight; a held decoder has a longer name."""


def sparsest_basis(moves: Tensor) -> Tensor:
    """(latent, latent) orthogonal A for (treatment, latent) shifts, the best of several starts."""
    found = [_descended(moves.double(), start) for start in range(N_STARTS)]
    return min(found, key=lambda pair: pair[0])[1].to(moves.dtype)


def _descended(moves: Tensor, start: int) -> tuple[float, Tensor]:
    """The final cost and basis of a descent from a random basis."""
    n_latent = moves.shape[1]
    generator = torch.Generator().manual_seed(start)
    normal = torch.randn(n_latent, n_latent, generator=generator, dtype=moves.dtype)
    first = torch.linalg.qr(normal).Q.contiguous()
    angles = torch.zeros_like(first, requires_grad=True)
    round_off = moves.square().mean().clamp_min(1e-12) / 4
    optimiser = torch.optim.LBFGS([angles], max_iter=MOST_STEPS, line_search_fn="strong_wolfe")

    def basis() -> Tensor:
        return torch.matrix_exp(angles - angles.T) @ first

    def cost() -> Tensor:
        optimiser.zero_grad()
        value = ((moves @ basis()) ** 2 + round_off).sqrt().mean()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(cost)
        return cost().item(), basis().detach()


def in_sparsest_basis(
    state: StateDict, mask: str, embedding: str
) -> tuple[dict[str, Tensor], Tensor]:
    """The state of a model in its sparsest basis, and that basis; the arguments name the mask
    logits and the shifts without mask in the state, both (treatment, latent)."""
    moves = state[mask].sigmoid() * state[embedding]
    basis = sparsest_basis(moves)
    moved = moves @ basis
    return rotated(state, basis) | {embedding: moved, mask: initial_mask(moved)}, basis


def rotated(state: StateDict, basis: Tensor) -> dict[str, Tensor]:
    """Encoder and decoder of ``perturbation_networks`` in another basis of the latents.

    Decoded values do not change.  The scale of the posterior is elementwise and cannot rotate:
    training must adapt it.  Raises ValueError unless the state has exactly one decoder.
    """
    new = dict(state)
    [decoder] = [name for name in state if name.endswith(DECODER)]
    for name in ("encoder.head.mean.weight", "encoder.head.mean.bias"):
        new[name] = basis.T @ state[name]
    for name in ("encoder.known.weight", decoder):
        if name in state:
            new[name] = state[name] @ basis
    return new


def initial_mask(moves: Tensor) -> Tensor:
    """(treatment, latent) mask logits: on for shifts above the threshold."""
    size = ((moves**4).mean() / moves.square().mean().clamp_min(1e-12)).sqrt()
    return torch.where(moves.abs() > size / 3, CERTAIN, -CERTAIN)
