"""Entropy of batches among the neighbours of a cell, as a share of its largest possible value.

    mean over cells of  - sum_b p_ib log p_ib / log B        p_ib: share among 50 neighbours

B is the number of batches among the scored cells; with one batch it does not apply.  Batches of
unequal size cannot reach 1: see ``batch_entropy_relative``.
"""

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable
from bench.parts.scoring.neighbours import neighbour_entropy


def score(*, neighbour_index: NDArray[Any], batch: NDArray[Any]) -> float:
    n_batches = len(np.unique(batch))
    if n_batches < 2:
        raise NotApplicable("all cells are of one batch")
    return float(neighbour_entropy(neighbour_index[:, :50], batch).mean() / log(n_batches))


METRIC = Metric(
    label="entropy of batch mixing, share of log B",
    score=score,
    needs=frozenset({"neighbour_index", "batch"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of log B",
    reference="defined here; the same division as in cz-benchmarks, with 50 neighbours",
)
