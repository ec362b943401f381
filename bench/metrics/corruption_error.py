"""Absolute error at the corrupted entries: the median over entries.

    median over changed entries of  | x_ij - m_ij |

x is the original count; m is the posterior mean of the expected count given the latent alone, so it
does not use the corrupted entry directly.  Lower means that original counts are recovered more
closely.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, View

Array = NDArray[Any]


def median(errors: Array, changed: Array) -> float:
    return float(np.median(errors))


def mean(errors: Array, changed: Array) -> float:
    return float(errors.mean())


def mean_of_medians(errors: Array, changed: Array) -> float:
    """Over the cells with a changed entry, the mean of the medians of their errors."""
    n_changed = changed.sum(1)
    of_cells = np.split(errors, np.cumsum(n_changed[n_changed > 0])[:-1])
    return float(np.mean([np.median(cell) for cell in of_cells]))


def score(
    *,
    fitted_mean: Array,
    changed: Array,
    changed_counts: Array,
    summary: Callable[[Array, Array], float] = median,
) -> float:
    errors = np.abs(changed_counts - fitted_mean[changed].astype(float))
    return summary(errors, changed)


METRIC = Metric(
    label="corruption error",
    score=score,
    better="lower",
    bounds=(0.0, inf),
    unit="counts",
    family="corrupted counts",
    blind_to="It is blind to the few entries with many counts. Of counts of one it sees only "
    "whether m is near zero or near one.",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, averaged over draws",
    views={
        "mean": View(
            label="mean",
            description="The mean over changed entries instead of the median.",
            options={"summary": mean},
            blind_to="It is blind to genes with few counts, because the entries with many dominate "
            "it. A median minimises it, not a mean, so the true expectation is not exactly the "
            "best prediction.",
        ),
        "as_published": View(
            label="one draw, as published",
            description="The first imputation score of scVI's published code: m is the rate at one "
            "posterior draw of the latent, before dropouts. Only the published task has it.",
            arrays={"fitted_mean": "drawn_rate"},
            sound=False,
            reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools issue 80",
            blind_to="It is blind to the difference between a bad model and an unlucky draw.",
        ),
        "per_cell_as_published": View(
            label="one draw, mean over cells, as published",
            description="The second imputation score of scVI's published code: the mean, over "
            "cells with a changed entry, of the median over these entries of |x − m|, with m the "
            "rate at one posterior draw of the latent, before dropouts. Only the published task "
            "has it.",
            arrays={"fitted_mean": "drawn_rate"},
            options={"summary": mean_of_medians},
            sound=False,
            reference="scvi 0.2 to 0.6, imputation_benchmark",
            blind_to="It is blind to how many entries a cell's median comes from, which is often "
            "one, and to the difference between a bad model and an unlucky draw.",
        ),
    },
)
