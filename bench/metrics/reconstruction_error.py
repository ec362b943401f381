"""Reconstruction error of held-out cells, per cell: the negative ELBO without its KL terms.

    mean over cells of  - E_q log p(x_i | z_i, l_i)

Natural logarithm, summed over genes, all constants kept.  The readout `bound_terms` gives it, and
beside it the KL terms of z and of the library size.  Lower means that cells are reconstructed more
closely from their latent.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric


def score(*, reconstruction_per_cell: NDArray[Any], library: NDArray[Any]) -> float:
    return float(reconstruction_per_cell.mean(dtype=float))


METRIC = Metric(
    label="reconstruction error",
    score=score,
    better="lower",
    bounds=(0.0, inf),
    unit="nats per cell",
    family="held-out cells",
    blind_to="It is blind to what the latent costs: a model that stores every cell in its latent "
    "does well here. Do not rank by it; the bound has both terms.",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
