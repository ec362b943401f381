"""Agreement of the latents that treatments are said to move with those that they move.

    precision = #{(t, k): found and true} / #{(t, k): found}
    recall    = #{(t, k): found and true} / #{(t, k): true}
    F1        = 2 #{(t, k): found and true} / (#{(t, k): found} + #{(t, k): true})

Treatment t is said to move latent k where the probability of the mask (readout `treatment_latents`)
is above one half.  Learned latents are matched one to one with true ones so that the most pairs (t,
k) are right; whatever is found in a latent without a match is wrong.  Higher means that masks are
closer to the truth.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.scoring.latent_matching import MaskCounts, mask_counts


def f1(counted: MaskCounts) -> float:
    return 2 * counted.both / (counted.found + counted.true)


def precision(counted: MaskCounts) -> float:
    return counted.both / max(counted.found, 1)


def recall(counted: MaskCounts) -> float:
    return counted.both / counted.true


def score(
    *,
    treatment_names: NDArray[Any],
    mask_probability: NDArray[Any],
    true_mask: NDArray[Any],
    share: Callable[[MaskCounts], float],
) -> float:
    return share(mask_counts(treatment_names, mask_probability, true_mask))


METRIC = Metric(
    label="masks",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="F1",
    family="latents of treatments",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
    default="f1",
    views={
        "f1": View(
            label="F1",
            description="The harmonic mean of precision and recall.",
            options={"share": f1},
            blind_to="It is blind to how certain a model is, and to how far a treatment moves a "
            "latent.",
        ),
        "precision": View(
            label="precision",
            description="The share of the moves found that are true; 0 where nothing is found.",
            options={"share": precision},
            unit="share of moves found",
            blind_to="It is blind to true moves that are not found.",
        ),
        "recall": View(
            label="recall",
            description="The share of the true moves that are found.",
            options={"share": recall},
            unit="share of true moves",
            blind_to="It is blind to moves that are found and wrong: a model without masks moves "
            "everything and scores 1.",
        ),
    },
)
