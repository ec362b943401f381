"""Whether a predicted effect is nearer to its own observed effect than to those of others.

    mean_p 1 - #{q: d_p(predicted_p, observed_q) < d_p(predicted_p, observed_p)} / (P - 1)
    d_p: sum of absolute differences over the genes but those that p targets

Ties count one half; 1 is perfect, 1/2 chance or one prediction for all.  The other way round than
``effect_rmse_rank``: there predictions compete for a truth, here truths for a prediction.  Blind to
errors that leave the order of distances alone; defined for two perturbations or more.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.effect_scores import mean_rank


def score(*, effect: NDArray[Any], data_effect: NDArray[Any], target_gene: NDArray[Any]) -> float:
    distance = [
        np.abs(predicted - data_effect)[:, ~target].sum(1)
        for predicted, target in zip(effect, target_gene, strict=True)
    ]
    return 1 - mean_rank(np.array(distance))


METRIC = Metric(
    label="discrimination of effects",
    score=score,
    needs=frozenset({"effect", "data_effect", "target_gene"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of other perturbations",
    reference="cell-eval (Arc Institute), Virtual Cell Challenge 2025",
)
