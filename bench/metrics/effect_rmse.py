"""Distance of predicted and observed effects.

    mean_p sqrt(mean_j (predicted_pj - observed_pj)^2)

Blind to whether perturbations are told apart: most genes do not move, and the same mean effect for
all perturbations comes close to the best.  Read it beside ``effect_rmse_rank``.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.sqrt(((effect - data_effect) ** 2).mean(1)).mean())


METRIC = Metric(
    label="error of effects",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="lower",
    bounds=(0.0, inf),
    unit="log2 fold change, root mean square over genes",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
)
