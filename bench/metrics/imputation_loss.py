"""Poisson log-likelihood of the masked counts, summed.

    sum over masked entries of  x_ij log m_ij - m_ij - log x_ij!

m is the posterior mean of the rate, not below 1e-6 counts.  The source calls it a loss; it is a
log-likelihood.  Higher means that the expected counts are closer to the masked ones.
"""

from math import inf
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.counts.count_densities import poisson_log_pmf

OF_OBSERVED = "nats, summed over observed entries"
NOTEBOOK = "scmodes (A. Sarkar), as its notebook computed it"
NOT_IMPUTATION = (
    "It is blind to imputation: it measures how closely the fitted counts are fitted, so that "
    "overfitting wins."
)


def score(
    *,
    expected_counts: NDArray[Any],
    masked: NDArray[Any],
    counts: NDArray[Any],
    at_masked: bool = True,
) -> float:
    entries = masked if at_masked else ~masked
    return float(poisson_log_pmf(counts, expected_counts[entries]).sum())


METRIC = Metric(
    label="imputation log-likelihood",
    score=score,
    arrays={"counts": "masked_counts"},
    better="higher",
    bounds=(-inf, 0.0),
    unit="nats, summed over masked entries",
    family="masked entries",
    blind_to="It is blind to how certain a model is of its rates. It is a sum: compare values of "
    "one dataset and mask only.",
    reference="scmodes (A. Sarkar); masked entries as the task demands",
    views={
        "plugin": View(
            label="plug-in",
            description="m is the rate at the posterior mean of the latent.",
            arrays={"expected_counts": "expected_counts_plugin"},
            blind_to="It is blind to the width of the posterior of the latent, and to how certain "
            "a model is of its rates. It is a sum: compare values of one dataset and mask only.",
        ),
        "as_published": View(
            label="observed entries, as published",
            description="The sum of the source's notebook: over the entries that were *not* "
            "masked, with the fitted mean.",
            arrays={"expected_counts": "fitted_mean", "counts": "observed_counts"},
            options={"at_masked": False},
            unit=OF_OBSERVED,
            sound=False,
            reference=NOTEBOOK,
            blind_to=NOT_IMPUTATION,
        ),
        "plugin_as_published": View(
            label="plug-in, observed entries, as published",
            description="The sum of the source's notebook: over the entries that were *not* "
            "masked, with the fitted mean at the posterior mean of the latent.",
            arrays={"expected_counts": "fitted_mean_plugin", "counts": "observed_counts"},
            options={"at_masked": False},
            unit=OF_OBSERVED,
            sound=False,
            reference=NOTEBOOK,
            blind_to=NOT_IMPUTATION,
        ),
    },
)
