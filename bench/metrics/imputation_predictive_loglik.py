"""Log-likelihood of the masked counts under the model's own prediction.

    mean over masked entries of  log NB(x_ij; m_ij, m_ij^2 / v_ij)

m (not below 1e-6 counts) and v are the posterior mean and variance of the entry's rate.  The
negative binomial is the one whose Gamma-distributed rate has these two moments, a Poisson where v
is zero.  Higher means that masked counts get more probability; unlike the Poisson log-likelihood it
rewards a model that knows how uncertain its rates are.
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
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per masked entry",
    family="masked entries",
    blind_to="It is blind to the shape of the posterior beyond two moments: a bimodal one is "
    "scored as a Gamma.",
    reference="defined here",
)
