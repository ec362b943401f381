"""The imputation score of scVI's published code: from one draw of the latent, dropouts left out.

    median over changed entries of  | x_ij - r_ij |

r is the rate at a single posterior draw, before dropouts.  One draw adds noise that no model is
to blame for; kept for comparison with published values, never ranked by.  Sound is
``corruption_error``.
"""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric


def score(
    *, drawn_rate: NDArray[Any], changed: NDArray[Any], changed_counts: NDArray[Any]
) -> float:
    return float(np.median(np.abs(changed_counts - drawn_rate[changed].astype(float))))


METRIC = Metric(
    label="imputation score as published",
    score=score,
    needs=frozenset({"drawn_rate", "changed", "changed_counts"}),
    better="lower",
    bounds=(0.0, inf),
    unit="counts",
    sound=False,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools issue 80",
)
