"""The imputation loss of the source: the same sum over the entries that were *not* masked, plug-in.

    sum over observed entries of  x_ij log m_ij - m_ij - log x_ij!

It measures how well the counts that were fitted are fitted, so that overfitting wins; kept for
comparison with published values, never ranked by.  Sound is ``imputation_loss_plugin``.
m is the fitted mean, no smaller than 1e-6 counts.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.counts.count_densities import poisson_log_pmf


def score(
    *, fitted_mean_plugin: NDArray[Any], masked: NDArray[Any], observed_counts: NDArray[Any]
) -> float:
    return float(poisson_log_pmf(observed_counts, fitted_mean_plugin[~masked]).sum())


METRIC = Metric(
    label="imputation loss as published, plug-in",
    score=score,
    needs=frozenset({"fitted_mean_plugin", "masked", "observed_counts"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats, summed over observed entries",
    sound=False,
    reference="scmodes (A. Sarkar), as its notebook computed it",
)
