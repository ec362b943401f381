"""Distance of counterfactual and observed effects.

    mean_p sqrt(mean_j (predicted_pj - observed_pj)^2)

Predicted by the readout ``counterfactual_effects``, for the training controls themselves.  Blind to
whether perturbations are told apart, as ``effect_rmse``, which is the same of cells drawn from the
prior.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, counterfactual_effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.sqrt(((counterfactual_effect - data_effect) ** 2).mean(1)).mean())


METRIC = Metric(
    label="error of effects on real controls",
    score=score,
    needs=frozenset({"counterfactual_effect", "data_effect"}),
    better="lower",
    bounds=(0.0, inf),
    unit="log2 fold change, root mean square over genes",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609; controls explained, not drawn",
)
