"""Correlation of predicted and observed effects over genes: the median of the perturbations.

    median_p corr_j(predicted_pj, observed_pj)

Every perturbation has the same weight, however strong.  A prediction that is constant over genes
scores 0.  Higher means that the pattern of an effect over genes is predicted better.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, View
from bench.parts.scoring.effect_scores import (
    correlations,
    interquartile_range,
    need_several,
    on_strongest,
    pooled,
)

Array = NDArray[Any]

PUBLISHED = {"effect": "effect_as_published", "data_effect": "data_effect_as_published"}
SPREAD = "Pearson correlation, interquartile range"
STRONG_ALONE = (
    "It is blind to all but the few strong perturbations. Observed effects include training cells, "
    "so it is blind to the difference between fitting and predicting."
)
NOT_QUALITY = (
    "It is blind to how well effects are predicted: where every correlation is 0, as for a "
    "prediction of no effect, there is no spread. Compare it with the median."
)
CHOSEN_GENES = (
    "It is blind to whether other genes are predicted to move. The genes are chosen on the data "
    "that are scored, which makes effects look larger than they are."
)


def score(
    *,
    effect: Array,
    data_effect: Array,
    shared: Array | None = None,
    n_genes: int = 0,
    pool: bool = False,
    summary: Callable[[Array], Any] = np.median,
) -> float:
    """``shared`` (gene,) is subtracted from both; 0 genes are all genes."""
    if shared is not None:
        need_several(effect)
        # Rounded like the predictions, so that nothing remains of one that equals the shared part.
        effect, data_effect = effect - shared.astype(effect.dtype), data_effect - shared
    if n_genes:
        effect, data_effect = on_strongest(effect, data_effect, n_genes)
    if pool:
        effect, data_effect = pooled(effect), pooled(data_effect)
    return float(summary(correlations(effect, data_effect)))


METRIC = Metric(
    label="effect correlation",
    score=score,
    better="higher",
    bounds=(-1.0, 1.0),
    unit="Pearson correlation",
    family="perturbation effects",
    blind_to="It is blind to the size of effects, and to whether perturbations are told apart: a "
    "shift that all of them share raises it. Compare it with `effect_pearson.centroid`.",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794; per perturbation",
    views={
        "spread": View(
            label="spread over perturbations",
            description="The distance between the quartiles of the correlations of the "
            "perturbations. Lower means that perturbations are predicted equally well.",
            options={"summary": interquartile_range},
            better="lower",
            bounds=(0.0, 2.0),
            unit=SPREAD,
            blind_to=NOT_QUALITY,
        ),
        "top20": View(
            label="top 20 genes",
            description="The correlation over the 20 genes of each perturbation with the largest "
            "|observed_pj|, instead of all genes.",
            options={"n_genes": 20},
            blind_to=CHOSEN_GENES,
        ),
        "top20_spread": View(
            label="top 20 genes, spread over perturbations",
            description="The distance between the quartiles of the correlations over the 20 genes "
            "of each perturbation with the largest |observed_pj|. Lower means that perturbations "
            "are predicted equally well.",
            options={"n_genes": 20, "summary": interquartile_range},
            better="lower",
            bounds=(0.0, 2.0),
            unit=SPREAD,
            blind_to=NOT_QUALITY,
        ),
        "centroid": View(
            label="beyond the mean effect",
            description="median_p corr_j(predicted_pj − m_j, observed_pj − m_j), with m the mean "
            "effect of the training perturbations. A prediction of m for every perturbation scores "
            "exactly 0. It needs two perturbations or more.",
            arrays={"shared": "mean_training_effect"},
            reference="Systema, Vinas Torne et al. 2025, doi:10.1038/s41587-025-02777-8",
            blind_to="It is blind to the shared effect, and to the size of the rest. A prediction "
            "of no effect is −m beyond the mean: where a few strong perturbations make up m it "
            "scores well (0.4 to 0.6 on real screens), so compare it with the baseline "
            "`no_effect`.",
        ),
        "counterfactual": View(
            label="real controls",
            description="The effects are those of the readout `counterfactual_effects`: the "
            "latents of training controls are inferred from their own counts instead of drawn "
            "from the prior, then every perturbation is applied. A value far above "
            "`effect_pearson` means that the model knows the effect and its prior is not where "
            "the cells are. Baselines predict the same effects in both.",
            arrays={"effect": "counterfactual_effect"},
            reference="Bereket and Karaletsos 2023, arXiv 2311.02794; latents of real controls "
            "inferred, not drawn",
            blind_to="It is blind to the size of effects, and to a shift that all perturbations "
            "share.",
        ),
        "as_published": View(
            label="pooled, as published",
            description="One correlation over all pairs of a perturbation and a gene. The readout "
            "`effects_as_published` predicts: every cell is drawn with 10,000 counts, and basal "
            "latents are drawn anew for every perturbation. Effects are observed among all cells, "
            "training cells too.",
            arrays=PUBLISHED,
            options={"pool": True},
            sound=False,
            reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE)",
            blind_to=STRONG_ALONE,
        ),
        "top20_as_published": View(
            label="top 20 genes, pooled, as published",
            description="As `effect_pearson.as_published`, over the 20 genes of each perturbation "
            "with the largest |observed_pj|.",
            arrays=PUBLISHED,
            options={"n_genes": 20, "pool": True},
            sound=False,
            reference="Bereket and Karaletsos 2023, arXiv 2311.02794 (ATE-20)",
            blind_to=f"{STRONG_ALONE} Genes that are wrongly predicted to move do not show.",
        ),
    },
)
