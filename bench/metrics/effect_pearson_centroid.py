"""Correlation of effects beyond what all perturbations do, median of perturbations.

    median_p corr_j(predicted_pj - m_j, observed_pj - m_j),   m: mean effect in training

m is what the centroids of the perturbations have in common, so the mean effect itself, predicted
for every perturbation, scores 0.  No effect at all is -m beyond it, and scores well where a few
strong perturbations make up m and the others do little: compare with the baseline ``no_effect``.
Blind to the shared effect and to the size of the rest.  Defined for two perturbations or more.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations, need_several


def score(
    *, effect: NDArray[Any], data_effect: NDArray[Any], mean_training_effect: NDArray[Any]
) -> float:
    need_several(effect)
    # Rounded like the effects, of which nothing may be left but what differs from the mean.
    beyond = effect - mean_training_effect.astype(effect.dtype)
    return float(np.median(correlations(beyond, data_effect - mean_training_effect)))


METRIC = Metric(
    label="effect correlation beyond the mean effect",
    score=score,
    needs=frozenset({"effect", "data_effect", "mean_training_effect"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    reference="Systema, Vinas Torne et al. 2025, doi:10.1038/s41587-025-02777-8",
)
