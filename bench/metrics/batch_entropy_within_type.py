"""Entropy of the batches among the neighbours of a cell within its own type, relative to chance.

    mean over types t of  mean over cells i of t of  H_i / H_t

H_i is the entropy of batches among the k nearest cells of the same type, H_t that of the
frequencies of batches within the type.  k is a quarter of the type's mean number of cells per
batch, but between 10 and 50: a neighbourhood as large as the type is mixed whatever the latent is.
Types that occur in one batch only are left out; where none remains the metric does not apply.
Higher means that batches are mixed more evenly within types; mixing by chance gives somewhat less
than 1, because neighbours are few.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable
from bench.parts.scoring.neighbours import frequency_entropy, nearest, neighbour_entropy


def score(*, latent: NDArray[Any], batch: NDArray[Any], cell_type: NDArray[Any]) -> float:
    of_types = []
    for kind in np.unique(cell_type):
        cells, here = latent[cell_type == kind], batch[cell_type == kind]
        n_batches = len(np.unique(here))
        if n_batches > 1:
            k = min(50, max(10, len(here) // (4 * n_batches)))
            mixed = neighbour_entropy(nearest(cells, k).index, here).mean()
            of_types.append(mixed / frequency_entropy(here))
    if not of_types:
        raise NotApplicable("no cell type is found in more than one batch")
    return float(np.mean(of_types))


METRIC = Metric(
    label="entropy of batch mixing within cell types",
    score=score,
    better="higher",
    bounds=(0.0, inf),
    unit="relative to the entropy of batch frequencies",
    family="batch integration",
    blind_to="It is blind to whether types are told apart, and to types that occur in one batch "
    "only.",
    reference="defined here",
)
