"""Marginal log-likelihood of held-out cells, per cell.

    mean over cells of  log p(x_i),  estimated by importance sampling

Natural logarithm, summed over genes, all constants kept; every cell weighs the same.
The library size is asked for only because it marks cells that were held out as a whole.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, marginal_loglik_per_cell: NDArray[Any], library: NDArray[Any]) -> float:
    return float(marginal_loglik_per_cell.mean(dtype=float))


METRIC = Metric(
    label="marginal log-likelihood",
    score=score,
    needs=frozenset({"marginal_loglik_per_cell", "library"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
