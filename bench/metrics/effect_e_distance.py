"""E-distance between predicted and observed cells: the median of the perturbations.

    median_p 2 mean |x_i - y_j|^2 - mean_(i != j) |x_i - x_j|^2 - mean_(i != j) |y_i - y_j|^2

x are predicted and y observed cells of p, in the 30 principal components of the training cells' log
expression.  Distances are squared Euclidean, and no cell is paired with itself, so the estimate is
unbiased: the truth scatters around 0 and below it.  Lower means that the mean of the predicted
cells is closer to that of the observed ones.
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
    better="lower",
    bounds=(-inf, inf),
    unit="squared log2 expression, 30 components",
    family="perturbation effects",
    blind_to="It is blind to the spread and the shape of a group of cells: with squared distances "
    "only the difference of means remains; `effect_mmd` sees both. It is not comparable with "
    "E-distances of plain Euclidean distances, which other packages report under the same name.",
    reference="scPerturb, Peidli et al. 2024, doi:10.1038/s41592-023-02144-y",
)
