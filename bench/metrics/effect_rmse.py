"""Root mean squared error of predicted effects: the mean of the perturbations.

    mean_p sqrt(mean_j (predicted_pj - observed_pj)^2)

Every perturbation has the same weight.  Lower means that effects are predicted more closely.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, View


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.sqrt(((effect - data_effect) ** 2).mean(1)).mean())


METRIC = Metric(
    label="error of effects",
    score=score,
    better="lower",
    bounds=(0.0, inf),
    unit="log2 fold change, root mean square over genes",
    family="perturbation effects",
    blind_to="It is blind to whether perturbations are told apart: most genes do not move, and the "
    "same mean effect for all perturbations comes close to the best. Compare it with "
    "`effect_rank.rmse`.",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
    views={
        "counterfactual": View(
            label="real controls",
            description="The effects are those of the readout `counterfactual_effects`: the "
            "latents of training controls are inferred from their own counts instead of drawn "
            "from the prior, then every perturbation is applied.",
            arrays={"effect": "counterfactual_effect"},
            reference="PerturBench, Wu et al. 2024, arXiv 2408.10609; latents of real controls "
            "inferred, not drawn",
        )
    },
)
