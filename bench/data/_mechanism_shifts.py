"""Shared parts of simulations in which a treatment shifts a few latents of a cell.

    z_i = b_i + s_t(i),   b_i ~ N(0, I),   s_tk = m_tk e_tk,   e_tk = ± N(size, sd²)
    f(z) = W_L a(… a(W_1 z)),   a(h) = max(h, 0.2 h),   W orthogonal, no biases

t(i) is the treatment of cell i; the s of a control is 0.  The scale of any W changes only the
scale of f, which the caller sets.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, Description
from bench.parts.perturbations.treatments import JOINS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAK = 0.2
N_BASAL = 10_000
"""Samples of b for every true effect, the same for all treatments."""


def described(config: Any) -> Description:
    """The size of a simulation: cells of every perturbation, and controls."""
    perturbations = config.n_treatments + getattr(config, "n_combinations", 0)
    n_cells = perturbations * config.n_cells + config.n_controls
    return Description(n_cells=n_cells, n_genes=config.n_genes)


def treatment_names(n_treatments: int) -> list[str]:
    """t000, t001, …: numbered so that their order is alphabetical."""
    width = max(3, len(str(n_treatments - 1)))
    return [f"t{number:0{width}d}" for number in range(n_treatments)]


def signed_normal(
    rng: np.random.Generator, shape: tuple[int, ...], size: float, sd: float
) -> Floats:
    """±N(size, sd²), with equal probability of both signs."""
    return rng.choice([-1.0, 1.0], size=shape) * rng.normal(size, sd, size=shape)


def with_combinations(
    rng: np.random.Generator, shift: Floats, n_combinations: int
) -> tuple[list[str], Floats]:
    """All perturbations in alphabetical order and their s: treatments, and sums for pairs.

    The pairs are sampled without replacement.  Raises ValueError if there are fewer pairs.
    """
    one, other = np.triu_indices(len(shift), 1)
    sampled = rng.choice(len(one), size=n_combinations, replace=False)
    alone = treatment_names(len(shift))
    pairs = [JOINS.join((alone[one[k]], alone[other[k]])) for k in sampled.tolist()]
    order = np.argsort([*alone, *pairs])
    given = np.vstack([shift, shift[one[sampled]] + shift[other[sampled]]])
    return np.array([*alone, *pairs])[order].tolist(), given[order]


def cells(
    rng: np.random.Generator,
    shift: Floats,
    n_cells: int,
    n_controls: int,
    perturbations: Sequence[str] = (),
) -> tuple[NDArray[np.str_], Floats]:
    """The perturbation of every cell, controls first, and its z (cell, latent).

    ``shift`` is that of the treatments, or of the named perturbations.
    """
    names = np.array([CONTROL, *(perturbations or treatment_names(len(shift)))])
    of = np.repeat(np.arange(len(names)), [n_controls] + [n_cells] * len(shift))
    shifts = np.vstack([np.zeros(shift.shape[1]), shift])
    return names[of], rng.normal(size=(len(of), shift.shape[1])) + shifts[of]


def orthogonal(rng: np.random.Generator, n_in: int, n_out: int) -> Floats:
    """(in, out) weights with an orthonormal shorter side, uniformly distributed."""
    square = rng.normal(size=(max(n_in, n_out), min(n_in, n_out)))
    q, r = np.linalg.qr(square)
    q = q * np.sign(np.diag(r))
    return q.T if n_in <= n_out else q


def decoder(rng: np.random.Generator, widths: Sequence[int]) -> Callable[[Floats], Floats]:
    """f, (cell, latent) -> (cell, gene), with these layer widths, including input and output."""
    weights = [orthogonal(rng, *pair) for pair in pairwise(widths)]

    def decode(z: Floats) -> Floats:
        hidden = z @ weights[0]
        for weight in weights[1:]:
            hidden = np.maximum(hidden, LEAK * hidden) @ weight
        return hidden

    return decode


def true_effects(
    rng: np.random.Generator, shift: Floats, expressed: Callable[[Floats], NDArray[np.floating]]
) -> NDArray[np.float32]:
    """(perturbation, gene) mean of y(b + s_t) - y(b) over :data:`N_BASAL` samples of b.

    ``expressed`` returns y (cell, gene) for cells with these z.
    """
    basal = rng.normal(size=(N_BASAL, shift.shape[1]))
    control = expressed(basal).mean(0, dtype=float)
    effects = [expressed(basal + one).mean(0, dtype=float) - control for one in shift]
    return np.array(effects, dtype=np.float32)
