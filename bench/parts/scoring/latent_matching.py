"""Learned latents matched one to one with true ones, by the Hungarian algorithm.

    masks     sum over matched pairs (k, l) of |{treatment: both move it}| is largest
    latents   sum over matched pairs (k, l) of |corr(learned_k, true_l)| is largest

There may be more learned latents than true ones or fewer: the others stay unmatched.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable
from bench.parts.perturbations.treatments import treatments_of

Floats = NDArray[np.floating[Any]]

FOUND = 0.5
"""A treatment moves a latent where the probability of it is larger."""


class MaskCounts(NamedTuple):
    """Pairs of a treatment and a latent it moves."""

    both: int
    """Found, and true of the latent matched with it."""
    found: int
    true: int


def mask_counts(
    names: NDArray[np.str_], probability: Floats, true_mask: NDArray[np.bool_]
) -> MaskCounts:
    """Of (treatment, learned latent) probabilities against a (treatment, true latent) mask.

    Whatever is found in an unmatched latent is wrong.  Where a model has columns for combinations
    too (``names``), these are left out.  Raises :class:`NotApplicable` where its treatments are not
    those of the truth, or in truth no treatment moves anything.
    """
    single = np.array([treatments_of(name) == {name: 1.0} for name in names.tolist()], dtype=bool)
    found, true = probability[single] > FOUND, true_mask.astype(bool)
    if len(found) != len(true):
        raise NotApplicable(f"it knows {len(found)} treatments and the truth {len(true)}")
    if not true.any():
        raise NotApplicable("in truth no treatment moves any latent")
    both = true.T.astype(np.int64) @ found.astype(np.int64)
    return MaskCounts(int(both[_assigned(both)].sum()), int(found.sum()), int(true.sum()))


def matched_correlations(latent: Floats, true_latent: Floats) -> Floats:
    """(true latent,) absolute Pearson correlation with its match; 0 without one, or a constant."""
    scaled = [_standardised(values) for values in (true_latent, latent)]
    correlation = np.abs(scaled[0].T @ scaled[1])
    rows, columns = _assigned(correlation)
    found = np.zeros(true_latent.shape[1])
    found[rows] = correlation[rows, columns]
    return np.minimum(found, 1.0)


def _assigned(gain: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(gain, maximize=True)
    return rows, columns


def _standardised(values: Floats) -> Floats:
    """Columns of mean 0 and length 1; constant ones are 0."""
    centred = values - values.mean(0, dtype=float)
    size = np.sqrt((centred**2).sum(0))
    constant = np.abs(centred).max(0) <= 1e-6 * np.abs(values).max(0)
    return np.divide(centred, size, out=np.zeros(centred.shape), where=~constant)
