"""Log-likelihood of counts that nobody has seen, under the model's own prediction.

    mean over entries of  log NB(y_ij; m_ij, m_ij^2 / v_ij)

y is the second part of the thinned counts; m (no smaller than 1e-6 counts) and v are the posterior
mean and variance of its rate: the negative binomial whose Gamma-distributed rate has these two
moments, a Poisson where v is zero.  Exact where the posterior of the rate is a Gamma.  Unlike the
Poisson log-likelihood it rewards a model that knows how noisy the rates are.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.counts.count_densities import predictive_log_pmf


def score(
    *, expected_counts: NDArray[Any], rate_variance: NDArray[Any], second_counts: NDArray[Any]
) -> float:
    return float(predictive_log_pmf(second_counts, expected_counts, rate_variance).mean())


METRIC = Metric(
    label="held-out predictive log-likelihood",
    score=score,
    needs=frozenset({"expected_counts", "rate_variance", "second_counts"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per entry",
    reference="defined here",
)
