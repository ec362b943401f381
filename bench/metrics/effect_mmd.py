"""Squared maximum mean discrepancy of predicted and observed cells: the median of perturbations.

    median_p mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean k(x_i, y_j)
    k(a, b) = sum over s in 1/4, 1/2, 1, 2, 4 of exp(-|a - b|^2 / (s h))

x are predicted and y observed cells of p (at most 1,000 of them, evenly spaced), in the 30
principal components of the training cells' log expression; h is the median squared distance between
observed cells, the same for all perturbations so that they compare.  The estimate is unbiased: the
truth scatters around 0.  Lower means that the two distributions of cells are more alike.
"""

from functools import partial
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.cell_distances import median_distance, median_squared_distance, squared_mmd


def score(
    *,
    predicted_cells: NDArray[Any],
    observed_cells: NDArray[Any],
    observed_perturbation: NDArray[Any],
) -> float:
    h = median_squared_distance(observed_cells)
    distance = partial(squared_mmd, median=h)
    return median_distance(predicted_cells, observed_cells, observed_perturbation, distance)


METRIC = Metric(
    label="MMD of cells, squared",
    score=score,
    better="lower",
    bounds=(-10.0, 10.0),
    unit="sum of five kernels, 30 components",
    family="perturbation effects",
    blind_to="It is blind to details that are much smaller than the spread of all cells.",
    reference="Gretton et al. 2012, JMLR 13:723",
)
