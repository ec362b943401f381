"""Evidence lower bound of held-out cells, per cell.

    mean over cells of  (1/S) sum_s log w_is,   w_is = p(x_i, z_s) / q(z_s | x_i),  z_s ~ q(z | x_i)

An unbiased estimate of E_q log p(x_i | z) - KL(q(z | x_i) || p(z)); S is 100 unless the study says
otherwise.  Natural logarithm, summed over genes, all constants kept.  Higher means that the model
gives new cells more probability.  The library size is among the inputs only because it marks cells
that were held out as a whole.
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
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    family="held-out cells",
    blind_to="It is blind to whether the encoder or the model is at fault: it lies below the "
    "log-likelihood by the encoder's error. Compare it with `iwelbo`.",
    reference="Kingma and Welling 2014, arXiv:1312.6114",
)
