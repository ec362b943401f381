"""Whether every true latent is found as one latent, up to its sign and scale.

    (1/K) max over one-to-one matches k(l) of sum_l |corr(latent_k(l), true_l)|,   K true latents

A true latent that stays without a match counts 0.  Blind to anything but a line between the two,
and to further latents that say nothing.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.latent_matching import matched_correlations


def score(*, latent: NDArray[Any], true_latent: NDArray[Any]) -> float:
    return float(matched_correlations(latent, true_latent).mean())


METRIC = Metric(
    label="mean correlation coefficient",
    score=score,
    needs=frozenset({"latent", "true_latent"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="absolute Pearson correlation",
    reference="Lopez et al. 2023, arXiv 2211.03553 (sVAE+)",
)
