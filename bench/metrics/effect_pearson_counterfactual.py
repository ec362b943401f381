"""Correlation of counterfactual and observed effects over genes, the median of the perturbations.

    median_p corr_j(predicted_pj, observed_pj)

Predicted by the readout ``counterfactual_effects``: what would have become of the training controls
themselves, instead of cells drawn from the prior.  Where it is far above ``effect_pearson``, the
model knows the effect and its prior is not where the cells are.  Otherwise as that metric.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations


def score(*, counterfactual_effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.median(correlations(counterfactual_effect, data_effect)))


METRIC = Metric(
    label="Effect correlation of real controls",
    score=score,
    needs=frozenset({"counterfactual_effect", "data_effect"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; controls explained, not drawn",
)
