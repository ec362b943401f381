"""How much of the true latents a linear map reads off the learned ones.

    mean_l 1 - sum_i (true_il - (a_l + b_l latent_i))^2 / sum_i (true_il - mean true_l)^2

Least squares.  a and b are fitted without every fifth cell, which they are then judged on, five
times over: a wide latent gains nothing by being wide, where the source fits and judges on the same
cells.  True latents that do not vary are left out.  Blind to whether latents are apart: any
invertible mixture of the true ones scores 1.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable

N_FOLDS = 5


def score(*, latent: NDArray[Any], true_latent: NDArray[Any]) -> float:
    if len(latent) < 2 * N_FOLDS:
        raise NotApplicable(f"a linear map is judged on ten cells or more, here are {len(latent)}")
    varying = true_latent[:, np.ptp(true_latent, axis=0) > 0].astype(float)
    if not varying.size:
        raise NotApplicable("no true latent varies")
    missed = (varying - _read_off(latent.astype(float), varying)) ** 2
    total = (varying - varying.mean(0)) ** 2
    return float((1 - missed.sum(0) / total.sum(0)).mean())


def _read_off(latent: NDArray[Any], true_latent: NDArray[Any]) -> NDArray[Any]:
    """Each cell's true latents according to a fit that has not seen the cell."""
    from sklearn.linear_model import LinearRegression

    fold, found = np.arange(len(latent)) % N_FOLDS, np.empty_like(true_latent)
    for judged in (fold == number for number in range(N_FOLDS)):
        fitted = LinearRegression().fit(latent[~judged], true_latent[~judged])
        found[judged] = fitted.predict(latent[judged])
    return found


METRIC = Metric(
    label="linear R2 of latents",
    score=score,
    needs=frozenset({"latent", "true_latent"}),
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    reference="Lopez et al. 2023, arXiv 2211.03553 (sVAE+), there without held-out cells",
)
