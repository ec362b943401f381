"""Evidence lower bound of held-out cells, per cell.

    mean over cells of  E_q log p(x_i | z) - KL(q(z | x_i) || p(z))

Natural logarithm, summed over genes, all constants kept.  Not above the marginal log-likelihood;
how far below depends on the encoder as much as on the model: read it beside ``iwelbo``.
The library size is asked for only because it marks cells that were held out as a whole.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, elbo_per_cell: NDArray[Any], library: NDArray[Any]) -> float:
    return float(elbo_per_cell.mean(dtype=float))


METRIC = Metric(
    label="ELBO",
    score=score,
    needs=frozenset({"elbo_per_cell", "library"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    reference="Kingma and Welling 2014, arXiv:1312.6114",
)
