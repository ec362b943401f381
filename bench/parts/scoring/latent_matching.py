"""One-to-one matching of learned latents with true latents, by the Hungarian algorithm.

    masks     maximises the sum over matched pairs (k, l) of |{treatment: it shifts both}|
    latents   maximises the sum over matched pairs (k, l) of |corr(learned_k, true_l)|

If the numbers of learned and true latents differ, the remaining latents are unmatched.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable
from bench.parts.perturbations.treatments import treatments_of

Floats = NDArray[np.floating[Any]]

FOUND = 0.5
"""Probability above which a treatment counts as shifting a latent."""


class MaskCounts(NamedTuple):
    """Numbers of pairs of a treatment and a latent that it shifts."""

    both: int
    """Found, and true for the matched latent."""
    found: int
    true: int


def mask_counts(
    names: NDArray[np.str_], probability: Floats, true_mask: NDArray[np.bool_]
) -> MaskCounts:
    """Compares (treatment, learned latent) probabilities with a (treatment, true latent) mask.

    Pairs found in unmatched latents count as wrong.  Columns of a model for combinations
    (``names``) are excluded.  Raises :class:`NotApplicable` if the treatments differ from those of
    the true mask, or if the true mask is empty.
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
    """(true latent,) absolute Pearson correlation with its match; 0 if unmatched or constant."""
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
    """Columns with mean 0 and length 1; constant columns become 0."""
    centred = values - values.mean(0, dtype=float)
    size = np.sqrt((centred**2).sum(0))
    constant = np.abs(centred).max(0) <= 1e-6 * np.abs(values).max(0)
    return np.divide(centred, size, out=np.zeros(centred.shape), where=~constant)
