"""Importance-weighted bound of held-out cells, per cell.

    mean over cells of  log (1/S) sum_s p(x_i, z_s) / q(z_s | x_i)

Natural logarithm, summed over genes, all constants kept.  Rises with the number of draws S towards
the marginal log-likelihood, so compare only values of the same S.
The library size is asked for only because it marks cells that were held out as a whole.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, iwelbo_per_cell: NDArray[Any], library: NDArray[Any]) -> float:
    return float(iwelbo_per_cell.mean(dtype=float))


METRIC = Metric(
    label="IWELBO",
    score=score,
    needs=frozenset({"iwelbo_per_cell", "library"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    reference="Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519",
)
