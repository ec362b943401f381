"""Importance-weighted bound of held-out cells, per cell.

    mean over cells of  log (1/S) sum_s w_is,   w_is = p(x_i, z_s) / q(z_s | x_i),  z_s ~ q(z | x_i)

Natural logarithm, summed over genes, all constants kept.  It is at least the ELBO of the same draws
and rises with their number S towards the log-likelihood.  Higher means that the model gives new
cells more probability.  The library size marks cells that were held out as a whole.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable, View


def per_cell(bound: NDArray[Any], library: NDArray[Any]) -> float:
    return float(bound.mean(dtype=float))


def per_count(bound: NDArray[Any], library: NDArray[Any]) -> float:
    if np.isnan(library).any():
        raise NotApplicable("the data are no counts")
    return float(bound.sum(dtype=float) / library.sum())


def score(*, iwelbo_per_cell: NDArray[Any], library: NDArray[Any], scale: Any = per_cell) -> float:
    return scale(iwelbo_per_cell, library)


METRIC = Metric(
    label="IWELBO",
    score=score,
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per cell",
    family="held-out cells",
    blind_to="It is blind to depth: cells with more counts have lower values, so compare values of "
    "one dataset and one S only. A variant that is given the library size (`library_offset`) "
    "reports a bound conditional on it, which is higher and not comparable with the others.",
    reference="Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519",
    views={
        "per_count": View(
            label="per count",
            description="The sum of the bounds over the sum of the library sizes, Σ_i bound_i / "
            "Σ_ij x_ij, so that datasets of different depths compare. It is not defined for data "
            "that are no counts.",
            options={"scale": per_count},
            unit="nats per count",
            blind_to="It is blind to shallow cells: a cell has as much weight as it has counts.",
        )
    },
)
