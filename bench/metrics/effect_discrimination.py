"""Whether a predicted effect is nearer to its own observed effect than to those of others.

    mean_p 1 - #{q: d_pq(predicted_p, observed_q) < d_pq(predicted_p, observed_p)} / (P - 1)
    d_pq: sum of absolute differences over the genes that neither p nor q targets

Ties count one half.  Higher means that perturbations are told apart better: 1 is perfect, 1/2 is
chance or one prediction for all.  Here observed effects compete for a prediction; in `effect_rank`
predictions compete for an observed effect.  The source leaves out the target of p alone; then the
knocked-down target of q keeps every prediction away from q, and a prediction of no effect would
discriminate.  It needs two perturbations or more.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import mean_rank


def score(*, effect: NDArray[Any], data_effect: NDArray[Any], target_gene: NDArray[Any]) -> float:
    no_target, to_others, to_own = ~target_gene, [], []
    for row, (predicted, counted) in enumerate(zip(effect, no_target, strict=True)):
        apart = np.abs(predicted - data_effect) * counted
        to_others.append((apart * no_target).sum(1))
        to_own.append(no_target @ apart[row])
    return 1 - mean_rank(np.array(to_others), np.array(to_own))


METRIC = Metric(
    label="discrimination of effects",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of other perturbations",
    family="perturbation effects",
    blind_to="It is blind to errors that leave the order of distances as it is.",
    reference="cell-eval (Arc Institute), Virtual Cell Challenge 2025; both targets left out",
)
