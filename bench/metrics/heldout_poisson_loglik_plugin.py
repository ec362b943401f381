"""Poisson log-likelihood of counts of the same cells that nobody has seen, plug-in.

    mean over entries of  y_ij log m_ij - m_ij - log y_ij!

y is the second part of the thinned counts, m its expectation: the rate at the posterior mean of the
latent, rescaled to the depth of y and taken to be no smaller than 1e-6 counts.  Proper as a score
of a known rate; blind to how sure a model is of its rates: see ``heldout_predictive_loglik``.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.counts.count_densities import poisson_log_pmf


def score(*, expected_counts_plugin: NDArray[Any], second_counts: NDArray[Any]) -> float:
    return float(poisson_log_pmf(second_counts, expected_counts_plugin).mean())


METRIC = Metric(
    label="held-out Poisson log-likelihood, plug-in",
    score=score,
    needs=frozenset({"expected_counts_plugin", "second_counts"}),
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per entry",
    reference="Sarkar and Stephens 2021, doi:10.1038/s41588-021-00873-4; Batson et al. 2019, "
    "doi:10.1101/786269",
)
