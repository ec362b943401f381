"""Log-likelihood of held-out counts of the same cells under the model's own prediction.

    mean over entries of  log NB(y_ij; m_ij, m_ij^2 / v_ij)

y is the second part of the thinned counts; m (not below 1e-6 counts) and v are the posterior mean
and variance of its rate.  The negative binomial is the one whose Gamma-distributed rate has these
two moments, a Poisson where v is zero; it is exact where the posterior of the rate is a Gamma.
Higher means that held-out counts get more probability; unlike the Poisson log-likelihood it rewards
a model that knows how uncertain its rates are.
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
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per entry",
    family="held-out counts",
    blind_to="It is blind to the shape of the posterior beyond two moments: a bimodal one is "
    "scored as a Gamma.",
    reference="defined here",
)
