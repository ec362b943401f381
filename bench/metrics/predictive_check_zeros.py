"""Whether counts made again by the model are zero as often as the data are, gene by gene.

    mean over genes of  | share of zeros made again, averaged over draws - share of zeros seen |

The share of zeros is that of x == 0; code in circulation averaged x != 0 under this name, which
gives the same difference but the opposite of every value shown.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(
    *, predictive_gene_zero_fraction: NDArray[Any], gene_zero_fraction: NDArray[Any]
) -> float:
    made_again = predictive_gene_zero_fraction.mean(0)
    return float(np.abs(made_again - gene_zero_fraction).mean())


METRIC = Metric(
    label="predictive check of zeros",
    score=score,
    needs=frozenset({"predictive_gene_zero_fraction", "gene_zero_fraction"}),
    better="lower",
    bounds=(0.0, 1.0),
    unit="share of cells, mean over genes",
    reference="Gelman, Meng and Stern 1996, Statistica Sinica 6; scVI's check of zeros",
)
