"""Rank of the right prediction among those of all perturbations: the mean of the perturbations.

    mean_p #{q: d(predicted_q, observed_p) < d(predicted_p, observed_p)} / (P - 1)

Ties count one half.  Lower means that the right prediction is among the nearest: 0 is perfect, 1/2
is what one prediction for all perturbations gets, or the right ones in random order.  It needs two
perturbations or more.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.scoring.effect_scores import cosines, mean_rank

Array = NDArray[Any]


def by_rmse(observed: Array, predicted: Array) -> Array:
    """Euclidean distances, whose order is that of root mean squares."""
    from scipy.spatial.distance import cdist

    return cdist(observed, predicted)


def by_cosine(observed: Array, predicted: Array) -> Array:
    return 1 - cosines(observed, predicted)


def score(*, effect: Array, data_effect: Array, distance: Callable[[Array, Array], Array]) -> float:
    return mean_rank(distance(data_effect, effect))


METRIC = Metric(
    label="rank of effects",
    score=score,
    better="lower",
    bounds=(0.0, 1.0),
    unit="share of other perturbations",
    family="perturbation effects",
    reference="PerturBench, Wu et al. 2024, arXiv 2408.10609",
    default="rmse",
    views={
        "rmse": View(
            label="by error",
            description="d is the root mean square of the differences over genes.",
            options={"distance": by_rmse},
            blind_to="It is blind to how far off predictions are, as long as they keep apart. To "
            "know which gene is knocked down is often enough.",
        ),
        "cosine": View(
            label="by cosine",
            description="d is one minus the cosine of the two effects.",
            options={"distance": by_cosine},
            blind_to="It is blind to the size of effects, and to how far off predictions are, as "
            "long as they keep apart. To know which gene is knocked down is often enough.",
        ),
    },
)
