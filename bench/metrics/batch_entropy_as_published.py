"""Entropy of batch mixing of the first scVI: two batches, a sample of cells.

    mean over 50 pools of 100 cells, drawn with replacement, of  - f ln f - (1 - f) ln(1 - f)

f is the share of one batch among the 50 nearest other cells; the maximum is ln 2.  For any other
number of batches it does not apply.  The pools only add noise, which the published version did
not even seed (here the seed is 0); sound is ``batch_entropy``.
"""

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable
from bench.parts.scoring.neighbours import neighbour_entropy


def score(*, neighbour_index: NDArray[Any], batch: NDArray[Any]) -> float:
    n_batches = len(np.unique(batch))
    if n_batches != 2:
        raise NotApplicable(f"it is defined for two batches, not for {n_batches}")
    each = neighbour_entropy(neighbour_index[:, :50], batch)
    pools = np.random.default_rng(0).integers(len(each), size=(50, 100))
    return float(each[pools].mean())


METRIC = Metric(
    label="entropy of batch mixing as published",
    score=score,
    needs=frozenset({"neighbour_index", "batch"}),
    better="higher",
    bounds=(0.0, log(2)),
    unit="nats",
    sound=False,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, as its code computed it",
)
