"""Probes of the type information in a latent: simple classifiers, fitted to labelled cells only.

    k-NN       p_ic = sum of 1/d_in over those n of the k nearest labelled cells that are of type c,
                      over the same sum for all types
    logistic   p_i = softmax(W s_i + b),  s_i = (z_i - mean) / sd over labelled cells
               min over W, b of  -sum_n log p_n,c(n) + |W|^2 / 2

Probes do not use cells with hidden labels, so that they measure the latent and not a gain from
semi-supervised learning.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable
from bench.parts.counts.labelled import MAX_ITERATIONS, probabilities, voters

Array = NDArray[Any]
Floats = NDArray[np.float64]

N_NEIGHBOURS = 5
"""Small, because a type may have only a few labelled cells, and further neighbours have other types
for any latent.  Weights by distance give graded probabilities and rarely ties."""


def knn_probability(latent: Array, known_type: Array) -> Floats:
    """(cell, type) votes of the nearest labelled cells, in the latent's own scale.

    Raises :class:`NotApplicable` where no cell is labelled.
    """
    _need_types(known_type, 1)
    return voters(latent.astype(np.float64), known_type, N_NEIGHBOURS)


def logistic_probability(latent: Array, known_type: Array) -> Floats:
    """(cell, type) probabilities of a logistic regression on the standardised latent.

    Raises :class:`NotApplicable` where fewer than two types are known.
    """
    _need_types(known_type, 2)
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))
    return probabilities(model, latent.astype(np.float64), known_type)


def _need_types(known_type: Array, fewest: int) -> None:
    n_types = len(np.unique(known_type[known_type != ""]))
    if n_types < fewest:
        raise NotApplicable(f"a probe needs {fewest} known types or more, not {n_types}")
