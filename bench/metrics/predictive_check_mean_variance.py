"""Whether counts made again by the model scatter as much as the data do, gene by gene.

    sqrt( mean over genes of (log v_j - log s_j)^2 )

v is the variance over cells of the counts made again, averaged over draws, s that of the scored
cells; genes whose counts do not vary in these cells are left out, and v is no smaller than 1e-8.
A model of the mean alone fails here where counts are overdispersed.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric

SMALLEST = 1e-8


def score(*, predictive_gene_variance: NDArray[Any], gene_variance: NDArray[Any]) -> float:
    varies = gene_variance > 0
    if not varies.any():
        raise ValueError("the counts of no gene vary over the scored cells")
    made_again = np.maximum(predictive_gene_variance.mean(0)[varies], SMALLEST)
    return float(np.sqrt(np.mean(np.log(made_again / gene_variance[varies]) ** 2)))


METRIC = Metric(
    label="predictive check of variances",
    score=score,
    needs=frozenset({"predictive_gene_variance", "gene_variance"}),
    better="lower",
    bounds=(0.0, inf),
    unit="log variance, root mean square over genes",
    reference="Gelman, Meng and Stern 1996, Statistica Sinica 6; scVI's mean-variance check",
)
