"""Entropy of batches among the neighbours of a cell.

    mean over cells of  - sum_b p_ib log p_ib        p_ib: share of batch b among 50 neighbours

Natural logarithm, any number of batches, the cell itself not counted.  Its maximum depends on the
number of batches and on their sizes, and mixing everything destroys biology: read it beside
``batch_entropy_relative`` and ``batch_entropy_within_type``.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.neighbours import neighbour_entropy


def score(*, neighbour_index: NDArray[Any], batch: NDArray[Any]) -> float:
    return float(neighbour_entropy(neighbour_index[:, :50], batch).mean())


METRIC = Metric(
    label="entropy of batch mixing",
    score=score,
    needs=frozenset({"neighbour_index", "batch"}),
    better="higher",
    bounds=(0.0, inf),
    unit="nats",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, for any number of batches",
)
