"""Entropy of batches among the neighbours of a cell, relative to that of all cells.

    mean over cells of  H_i / H        H_i = - sum_b p_ib log p_ib,   H = - sum_b p_b log p_b

p_ib is the share of batch b among 50 neighbours, p_b among all scored cells: 1 is what chance
would give, less a little because 50 neighbours are few.  Above 1 where rare batches are mixed in
more evenly than they are frequent.  With one batch it does not apply.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.neighbours import frequency_entropy, neighbour_entropy


def score(*, neighbour_index: NDArray[Any], batch: NDArray[Any]) -> float:
    most = frequency_entropy(batch)
    return float(neighbour_entropy(neighbour_index[:, :50], batch).mean() / most)


METRIC = Metric(
    label="entropy of batch mixing, relative",
    score=score,
    needs=frozenset({"neighbour_index", "batch"}),
    better="higher",
    bounds=(0.0, inf),
    unit="relative to the entropy of batch frequencies",
    reference="defined here",
)
