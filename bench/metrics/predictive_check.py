"""Whether counts sampled from the posterior predictive look like the data, gene by gene.

    sqrt( mean over genes of (log v_j - log s_j)^2 )       view mean_variance
    mean over genes of | f_j - e_j |                       view zeros

The scored cells are sampled again: z ~ q(z | x), x_new ~ p(x | z) (readout `posterior_predictive`).
v_j and s_j are variances over cells of the posterior predictive counts and of the data; f_j and e_j
are their shares of zeros.  v and f are averaged over draws; a baseline has them exactly, as the
mixture of the fitted cells' distributions.  Lower means that sampled counts are closer to the data.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable, View

Array = NDArray[Any]

SMALLEST = 1e-8
"""Smallest variance whose logarithm is taken."""


def log_variances(predicted: Array, observed: Array) -> float:
    varies = observed > 0
    if not varies.any():
        raise NotApplicable("the counts of no gene vary over the scored cells")
    sampled = np.maximum(predicted[varies], SMALLEST)
    return float(np.sqrt(np.mean(np.log(sampled / observed[varies]) ** 2)))


def zero_shares(predicted: Array, observed: Array) -> float:
    return float(np.abs(predicted - observed).mean())


def score(
    *, predicted: Array, observed: Array, difference: Callable[[Array, Array], float]
) -> float:
    return difference(predicted.mean(0), observed)


METRIC = Metric(
    label="predictive check",
    score=score,
    better="lower",
    bounds=(0.0, inf),
    unit="log variance, root mean square over genes",
    family="held-out cells",
    reference="Gelman, Meng and Stern 1996, Statistica Sinica 6; scVI's checks",
    default="mean_variance",
    views={
        "mean_variance": View(
            label="variances",
            description="Variances over cells are compared on a logarithmic scale. Genes whose "
            "counts do not vary in these cells are left out. A model of the mean alone fails where "
            "counts are overdispersed.",
            arrays={"predicted": "predictive_gene_variance", "observed": "gene_variance"},
            options={"difference": log_variances},
            blind_to="It is blind to which cell has which count. It is lenient, because z was "
            "inferred from the counts that it is compared with. The variance of few cells is "
            "noisy, so the truth itself does not reach zero; compare with the oracle.",
        ),
        "zeros": View(
            label="zeros",
            description="Shares of cells in which a gene has no count are compared. Published code "
            "averages x ≠ 0 under this name; the difference is the same, but every value shown "
            "is one minus the share of zeros.",
            arrays={"predicted": "predictive_gene_zero_fraction", "observed": "gene_zero_fraction"},
            options={"difference": zero_shares},
            bounds=(0.0, 1.0),
            unit="share of cells, mean over genes",
            blind_to="It is blind to every count above zero. A model with dropouts can do well "
            "here whatever its means are.",
        ),
    },
)
