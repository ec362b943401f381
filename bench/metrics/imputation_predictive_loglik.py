"""Log-likelihood of the masked counts under the model's own prediction.

    mean over masked entries of  log NB(x_ij; m_ij, m_ij^2 / v_ij)

m (no smaller than 1e-6 counts) and v are the posterior mean and variance of the entry's rate: the
negative binomial whose Gamma-distributed rate has these two moments, a Poisson where v is zero.
Unlike the Poisson log-likelihood it rewards a model that knows how noisy the rates are.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.counts.count_densities import predictive_log_pmf


def score(
    *,
    expected_counts: NDArray[Any],
    rate_variance: NDArray[Any],
    masked: NDArray[Any],
    masked_counts: NDArray[Any],
) -> float:
    mean, variance = expected_counts[masked], rate_variance[masked]
    return float(predictive_log_pmf(masked_counts, mean, variance).mean())


METRIC = Metric(
    label="imputation predictive log-likelihood",
    score=score,
    needs=frozenset({"expected_counts", "rate_variance", "masked", "masked_counts"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per masked entry",
    reference="defined here",
)
