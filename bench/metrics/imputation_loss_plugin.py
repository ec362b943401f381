"""Poisson log-likelihood of the masked counts, summed, plug-in.

    sum over masked entries of  x_ij log m_ij - m_ij - log x_ij!

m is the rate at the posterior mean of the latent, no smaller than 1e-6 counts.  The source calls it
a loss; it is a log-likelihood, so higher is better.  A sum: compare only within one data set and
mask.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.counts.count_densities import poisson_log_pmf


def score(
    *, expected_counts_plugin: NDArray[Any], masked: NDArray[Any], masked_counts: NDArray[Any]
) -> float:
    return float(poisson_log_pmf(masked_counts, expected_counts_plugin[masked]).sum())


METRIC = Metric(
    label="imputation log-likelihood, plug-in",
    score=score,
    needs=frozenset({"expected_counts_plugin", "masked", "masked_counts"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats, summed over masked entries",
    reference="scmodes (A. Sarkar); masked entries as the task demands",
)
