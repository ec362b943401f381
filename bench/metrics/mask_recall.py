"""Share found of the latents that treatments move.

    #{(t, k): found and true} / #{(t, k): true}

Latents are matched one to one so that the most pairs are right, see
``parts.scoring.latent_matching``; a treatment is said to move a latent where the probability is
above one half.  Blind to what is found and wrong: a model without masks
moves everything and scores 1.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.latent_matching import mask_counts


def score(
    *, treatment_names: NDArray[Any], mask_probability: NDArray[Any], true_mask: NDArray[Any]
) -> float:
    counted = mask_counts(treatment_names, mask_probability, true_mask)
    return counted.both / counted.true


METRIC = Metric(
    label="recall of masks",
    score=score,
    needs=frozenset({"treatment_names", "mask_probability", "true_mask"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of true moves",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
