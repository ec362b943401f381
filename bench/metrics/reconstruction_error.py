"""Reconstruction error of held-out cells, per cell: the bound without its KL terms.

    mean over cells of  - E_q log p(x_i | z_i, l_i)

Natural logarithm, summed over genes, all constants kept.  A model that stores a cell in its latent
does well here; what that costs is in the KL terms, and the bound has both.
The library size is asked for only because it marks cells that were held out as a whole.
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
    needs=frozenset({"reconstruction_per_cell", "library"}),
    better="lower",
    bounds=(0.0, inf),
    unit="nats per cell",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
