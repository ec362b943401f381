"""Correlation of all predicted and observed effects in one, as published.

    corr over all (p, j) of (predicted_pj, observed_pj)

Predicted by the readout ``effects_as_published``, every cell with 10,000 counts; observed among all
cells, training cells too.  The few strong perturbations rule it, and it is blind to all others.
The sound one is ``effect_pearson``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import correlations, pooled


def score(*, effect_as_published: NDArray[Any], data_effect_as_published: NDArray[Any]) -> float:
    return float(correlations(pooled(effect_as_published), pooled(data_effect_as_published))[0])


METRIC = Metric(
    label="effect correlation, pooled, as published",
    score=score,
    needs=frozenset({"effect_as_published", "data_effect_as_published"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    sound=False,
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE)",
)
