"""Share of the variance of the true latents that a linear map of the learned ones explains.

    mean_l 1 - sum_i (true_il - (a_l + b_l latent_i))^2 / sum_i (true_il - mean true_l)^2

a and b are least-squares estimates.  They are fitted without every fifth cell and scored on it,
five times over, so that a wide latent gains nothing by its width; the source fits and scores on the
same cells.  True latents that do not vary are left out.  Higher means that the true latents can be
read off the learned ones.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable

N_FOLDS = 5


def score(*, latent: NDArray[Any], true_latent: NDArray[Any]) -> float:
    if len(latent) < 2 * N_FOLDS:
        raise NotApplicable(f"a linear map needs {2 * N_FOLDS} cells or more, not {len(latent)}")
    varying = true_latent[:, np.ptp(true_latent, axis=0) > 0].astype(float)
    if not varying.size:
        raise NotApplicable("no true latent varies")
    missed = (varying - _predicted(latent.astype(float), varying)) ** 2
    total = (varying - varying.mean(0)) ** 2
    return float((1 - missed.sum(0) / total.sum(0)).mean())


def _predicted(latent: NDArray[Any], true_latent: NDArray[Any]) -> NDArray[Any]:
    """Each cell's true latents according to a fit that has not seen the cell."""
    from sklearn.linear_model import LinearRegression

    fold, predicted = np.arange(len(latent)) % N_FOLDS, np.empty_like(true_latent)
    for held_out in (fold == number for number in range(N_FOLDS)):
        fitted = LinearRegression().fit(latent[~held_out], true_latent[~held_out])
        predicted[held_out] = fitted.predict(latent[held_out])
    return predicted


METRIC = Metric(
    label="linear R2 of latents",
    score=score,
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    family="latents of treatments",
    blind_to="It is blind to whether latents are separated: any invertible mixture of the true "
    "ones scores 1.",
    reference="Lopez et al. 2023, arXiv 2211.03553 (sVAE+), there without held-out cells",
)
