"""Marginal log-likelihood of held-out cells, per cell.

    mean over cells of  log (1/S) sum_s w_is,      w_is = p(x_i, z_s) / q(z_s | x_i),  S = 1,000

The estimator of `iwelbo` with enough draws to stand for the likelihood; a latent library size is
integrated out together with z.  Natural logarithm, summed over genes, all constants kept.  Every
cell has the same weight, where the source averaged the means of minibatches.  Higher means that the
model gives new cells more probability.  A study has to name the
readout for it: `readouts: {marginal_loglik: {}}`.
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
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    family="held-out cells",
    blind_to="It is blind to depth: cells with more counts have lower values. A variant that is "
    "given the library size reports a value conditional on it, which is higher and not comparable "
    "with the others.",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
