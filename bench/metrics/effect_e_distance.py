"""E-distance between predicted and observed cells, median of perturbations.

    median_p 2 mean |x_i - y_j|^2 - mean_(i != j) |x_i - x_j|^2 - mean_(i != j) |y_i - y_j|^2

x predicted and y observed cells of p, in the 30 principal components of the training cells' log
expression.  Squared Euclidean distances, no pair of a cell with itself: unbiased, so that the truth
scatters around 0 and below it.  With squared distances all but the means cancels: it is blind to
the spread and the shape of a cloud of cells.  ``effect_mmd`` is not.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.cell_distances import e_distance, median_distance


def score(
    *,
    predicted_cells: NDArray[Any],
    observed_cells: NDArray[Any],
    observed_perturbation: NDArray[Any],
) -> float:
    return median_distance(predicted_cells, observed_cells, observed_perturbation, e_distance)


METRIC = Metric(
    label="E-distance of cells, squared Euclidean",
    score=score,
    needs=frozenset({"predicted_cells", "observed_cells", "observed_perturbation"}),
    better="lower",
    bounds=(-inf, inf),
    unit="squared log2 expression, 30 components",
    reference="scPerturb, Peidli et al. 2024, doi:10.1038/s41592-023-02144-y",
)
