"""Whether every true latent is found as one learned latent, up to sign and scale.

    (1/K) max over one-to-one matches k(l) of sum_l |corr(latent_k(l), true_l)|,   K true latents

A true latent without a match counts 0.  Higher means that more true latents are found as they are.
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
    better="higher",
    bounds=(0.0, 1.0),
    unit="absolute Pearson correlation",
    family="latents of treatments",
    blind_to="It is blind to relations that are not linear, and to further learned latents that "
    "carry no information.",
    reference="Lopez et al. 2023, arXiv 2211.03553 (sVAE+)",
)
