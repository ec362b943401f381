"""Poisson log-likelihood of held-out counts of the same cells.

    mean over entries of  y_ij log m_ij - m_ij - log y_ij!

y is the second part of the thinned counts and m its expectation: the posterior mean of the rate
over draws of the latent, rescaled to the depth of y and not below 1e-6 counts.  It is a proper
score of a known rate.  Higher means that the expected counts are closer to the held-out ones.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.counts.count_densities import poisson_log_pmf


def score(*, expected_counts: NDArray[Any], second_counts: NDArray[Any]) -> float:
    return float(poisson_log_pmf(second_counts, expected_counts).mean())


METRIC = Metric(
    label="held-out Poisson log-likelihood",
    score=score,
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats per entry",
    family="held-out counts",
    blind_to="It is blind to how certain a model is of its rates, because it scores a single rate. "
    "`heldout_predictive_loglik` scores the certainty too.",
    reference="Sarkar and Stephens 2021, doi:10.1038/s41588-021-00873-4; Batson et al. 2019, "
    "doi:10.1101/786269",
    views={
        "plugin": View(
            label="plug-in",
            description="m is the rate at the posterior mean of the latent: cheaper, and what many "
            "papers report.",
            arrays={"expected_counts": "expected_counts_plugin"},
            blind_to="It is blind to the width of the posterior of the latent, and to how certain "
            "a model is of its rates.",
        )
    },
)
