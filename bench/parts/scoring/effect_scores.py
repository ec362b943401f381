"""Shared functions of metrics of effects; all arrays are (perturbation, gene)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable

Floats = NDArray[np.floating[Any]]

ROUNDING = 1e-6
"""Tolerance for equal effects after rounding to single precision, relative to the largest effect of
a perturbation."""


def correlations(predicted: Floats, observed: Floats) -> Floats:
    """(perturbation,) Pearson correlation over genes; 0 if either side is constant."""
    one, other = centred(predicted), centred(observed)
    size = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return np.divide((one * other).sum(1), size, out=np.zeros(len(size)), where=size > 0)


def centred(effect: Floats) -> Floats:
    """Effects minus their mean over genes; exactly zero for differences by rounding."""
    about_mean = effect - effect.mean(1, keepdims=True, dtype=float)
    largest = np.abs(effect).max(1, keepdims=True)
    constant = np.abs(about_mean).max(1, keepdims=True) <= ROUNDING * largest
    return np.where(constant, 0.0, about_mean)


def cosines(predicted: Floats, observed: Floats) -> Floats:
    """(perturbation of one, perturbation of the other) cosines; 0 if either effect is zero."""
    return np.asarray(_units(predicted) @ _units(observed).T)


def pooled(effect: Floats) -> Floats:
    """(1, perturbation x gene): all effects as one row."""
    return effect.reshape(1, -1)


def strongest(effect: Floats, n_genes: int) -> NDArray[np.int64]:
    """(perturbation, at most ``n_genes``) the genes of the largest absolute effects."""
    return np.argsort(-np.abs(effect), axis=1, kind="stable")[:, :n_genes]


def on_strongest(predicted: Floats, observed: Floats, n_genes: int) -> tuple[Floats, Floats]:
    """Both arrays, restricted per perturbation to the genes with the largest observed effects."""
    genes = strongest(observed, n_genes)
    return np.take_along_axis(predicted, genes, 1), np.take_along_axis(observed, genes, 1)


def interquartile_range(values: Floats) -> float:
    """Interquartile range over perturbations; NotApplicable for a single perturbation."""
    need_several(values)
    lower, upper = np.quantile(values, [0.25, 0.75])
    return float(upper - lower)


def mean_rank(distance: Floats, own: Floats | None = None) -> float:
    """Mean over rows of the rank of the diagonal in its row: 0 nearest, 1 farthest, 1/2 by chance.

    ``own`` replaces the diagonal as the reference distance of each row.  Ties, including
    differences by rounding, share their ranks.  Raises :class:`NotApplicable` without other
    distances in a row.
    """
    need_several(distance)
    own = np.diagonal(distance)[:, None] if own is None else own
    tied = np.abs(distance - own) <= 1e-9 * distance.max()
    nearer = ((distance < own) & ~tied).sum(1)
    return float((nearer + (tied.sum(1) - 1) / 2).mean() / (len(distance) - 1))


def need_several(perturbations: NDArray[Any]) -> None:
    """Raises :class:`NotApplicable` for a single perturbation."""
    if len(perturbations) < 2:
        raise NotApplicable("there is only one perturbation")


def _units(effect: Floats) -> Floats:
    size = np.sqrt((effect.astype(float) ** 2).sum(1, keepdims=True))
    return np.divide(effect, size, out=np.zeros(effect.shape), where=size > 0)
