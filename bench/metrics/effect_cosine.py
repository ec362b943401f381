"""Whether predicted log-fold changes point where the observed ones do.

    mean_p sum_j predicted_pj observed_pj / (|predicted_p| |observed_p|)

Effects are differences of mean log2(1 + counts at depth 10,000), log-fold changes with a
pseudocount of one.  No effect at all scores 0.  Blind to the size of effects, and raised by a shift
that all perturbations share.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.effect_scores import cosines


def score(*, effect: NDArray[Any], data_effect: NDArray[Any]) -> float:
    return float(np.diagonal(cosines(effect, data_effect)).mean())


METRIC = Metric(
    label="cosine of log-fold changes",
    score=score,
    needs=frozenset({"effect", "data_effect"}),
    better="higher",
    bounds=(-1.0, 1.0),
    unit="cosine",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
)
