"""Share of the variance of an observed effect over genes that is predicted: the median.

    median_p 1 - sum_j (predicted_pj - observed_pj)^2 / sum_j (observed_pj - mean_j observed_pj)^2

The median is over perturbations, which all have the same weight.  Higher means that effects are
predicted better, their size included.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.scoring.effect_scores import centred, interquartile_range, on_strongest, pooled

Array = NDArray[Any]

PUBLISHED = {"effect": "effect_as_published", "data_effect": "data_effect_as_published"}
SPREAD = "share of variance, interquartile range"
STRONG_ALONE = (
    "It is blind to all but the few strong perturbations. Observed effects include training cells, "
    "so it is blind to the difference between fitting and predicting."
)
NOT_QUALITY = (
    "It is blind to how well effects are predicted: where nothing is predicted of any perturbation "
    "there is hardly a spread. Compare it with the median."
)


def determinations(predicted: Array, observed: Array) -> Array:
    """(perturbation,) R2; 0 where the observed effect is constant: there is nothing to explain."""
    missed, total = ((predicted - observed) ** 2).sum(1), (centred(observed) ** 2).sum(1)
    missed = np.divide(missed, total, out=np.ones(len(total)), where=total > 0)
    return np.asarray(1 - missed)


def score(
    *,
    effect: Array,
    data_effect: Array,
    n_genes: int = 0,
    pool: bool = False,
    summary: Callable[[Array], Any] = np.median,
) -> float:
    """0 genes are all genes."""
    if n_genes:
        effect, data_effect = on_strongest(effect, data_effect, n_genes)
    if pool:
        effect, data_effect = pooled(effect), pooled(data_effect)
    return float(summary(determinations(effect, data_effect)))


METRIC = Metric(
    label="effect R2",
    score=score,
    better="higher",
    bounds=(-inf, 1.0),
    unit="share of variance",
    family="perturbation effects",
    blind_to="It is blind to whether the prediction or the noise of the data is at fault: of a "
    "weak perturbation most variance over genes is noise, and R² of the truth itself is small or "
    "negative.",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
    views={
        "spread": View(
            label="spread over perturbations",
            description="The distance between the quartiles of the R² of the perturbations. Lower "
            "means that perturbations are predicted equally well.",
            options={"summary": interquartile_range},
            better="lower",
            bounds=(0.0, inf),
            unit=SPREAD,
            blind_to=NOT_QUALITY,
        ),
        "top20": View(
            label="top 20 genes",
            description="R² over the 20 genes of each perturbation with the largest |observed_pj|, "
            "instead of all genes.",
            options={"n_genes": 20},
            blind_to="It is blind to whether other genes are predicted to move. The genes are "
            "chosen on the data that are scored, which makes effects look larger than they are.",
        ),
        "top20_spread": View(
            label="top 20 genes, spread over perturbations",
            description="The distance between the quartiles of the R² over the 20 genes of each "
            "perturbation with the largest |observed_pj|. Lower means that perturbations are "
            "predicted equally well.",
            options={"n_genes": 20, "summary": interquartile_range},
            better="lower",
            bounds=(0.0, inf),
            unit=SPREAD,
            blind_to=NOT_QUALITY,
        ),
        "as_published": View(
            label="pooled, as published",
            description="One R² over all pairs of a perturbation and a gene, of the effects of "
            "`effect_pearson.as_published`.",
            arrays=PUBLISHED,
            options={"pool": True},
            sound=False,
            reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE)",
            blind_to=STRONG_ALONE,
        ),
        "top20_as_published": View(
            label="top 20 genes, pooled, as published",
            description="As `effect_r2.as_published`, over the 20 genes of each perturbation with "
            "the largest |observed_pj|.",
            arrays=PUBLISHED,
            options={"n_genes": 20, "pool": True},
            sound=False,
            reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE-20)",
            blind_to=f"{STRONG_ALONE} Genes that are wrongly predicted to move do not show.",
        ),
    },
)
