"""The rotation of the latents after which treatments move fewest of them, and a model rotated so.

    A = argmin over orthogonal A of mean_tk sqrt((M A)_tk^2 + r^2 / 4)
    M (treatment, latent) the moves,   r^2 = mean_tk M_tk^2, which no rotation changes

A model whose basal latents are N(0, I) says the same of the data in every orthogonal basis, so that
likelihood does not hold the axes that a mask is about, and gradient steps hardly rotate them.  Here
they are rotated at once.  Moves are seen, and their masks start on, where they exceed s / 3 with
s^2 = mean (M A)^4 / mean (M A)^2, the size of moves that all have one: what is seen in vain the
mask's prior takes back, what is overlooked hardly returns.  Varimax and quartimax, which reward
fourth powers, do not find such moves.
Source: component losses, Jennrich 2004, Psychometrika 69:257, doi:10.1007/BF02295943.
"""

import torch
from torch import Tensor

from bench.core.variant import StateDict

N_STARTS, MOST_STEPS = 8, 400
CERTAIN = 2.0
"""Logit that a mask starts from where a move is seen, and its opposite where none is."""

DECODER = "decoder.tower.layers.0.weight"
"""How the name of what latents are decoded by ends; a held decoder has a longer one."""


def sparsest_basis(moves: Tensor) -> Tensor:
    """(latent, latent) orthogonal A for (treatment, latent) moves, the best of several starts."""
    found = [_descended(moves.double(), start) for start in range(N_STARTS)]
    return min(found, key=lambda pair: pair[0])[1].to(moves.dtype)


def _descended(moves: Tensor, start: int) -> tuple[float, Tensor]:
    """The cost and the basis that descent ends in, from a random one."""
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
    """A model in its sparsest basis, and that basis; the names are those of the logits of its mask
    and of the moves where they are on, (treatment, latent) both."""
    moves = state[mask].sigmoid() * state[embedding]
    basis = sparsest_basis(moves)
    moved = moves @ basis
    return rotated(state, basis) | {embedding: moved, mask: initial_mask(moved)}, basis


def rotated(state: StateDict, basis: Tensor) -> dict[str, Tensor]:
    """Encoder and decoder of ``perturbation_networks`` in another basis of the latents.

    What is decoded stays as it was.  The spread of the posterior is one per latent and does not
    rotate: it is left for training to find.  Raises ValueError where not one decoder is there.
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
    """(treatment, latent) logits: on where a move is seen."""
    size = ((moves**4).mean() / moves.square().mean().clamp_min(1e-12)).sqrt()
    return torch.where(moves.abs() > size / 3, CERTAIN, -CERTAIN)
