"""Maximum mean discrepancy, squared, of predicted and observed cells; median of perturbations.

    median_p mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean k(x_i, y_j)
    k(a, b) = sum over s in 1/4, 1/2, 1, 2, 4 of exp(-|a - b|^2 / (s h))

x predicted and y observed cells of p (1,000 of them at most), in the 30 principal components of the
training cells' log expression; h: the median squared distance between observed cells.  Unbiased:
the truth scatters around 0.  Blind to details much smaller than the spread of all cells.
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
    needs=frozenset({"predicted_cells", "observed_cells", "observed_perturbation"}),
    better="lower",
    bounds=(-10.0, 10.0),
    unit="sum of five kernels, 30 components",
    reference="Gretton et al. 2012, JMLR 13:723",
)
