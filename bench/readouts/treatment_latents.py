"""Shifts of the latents by every treatment, and their probabilities.

    mask_probability (treatment, latent)      q(m_tk = 1); ones for a model without masks
    treatment_embedding (treatment, latent)   expected shift at dosage 1

Treatments are the columns of the model's encoding; with unique encodings, every perturbation.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import TreatmentModule


@dataclass(frozen=True, kw_only=True)
class TreatmentLatentsConfig:
    """No parameters."""


def of_variant(
    fitted: FittedVariant[TreatmentModule], problem: Problem, config: TreatmentLatentsConfig
) -> Arrays:
    """The names (treatment,) and both arrays."""
    found = fitted.module.treatment_latents()
    return {
        "treatment_names": np.array(found.names),
        "mask_probability": found.mask_probability.float().cpu().numpy(),
        "treatment_embedding": found.embedding.float().cpu().numpy(),
    }


READOUT = Readout(
    label="Latents that treatments move",
    config=TreatmentLatentsConfig,
    of="treatments",
    arrays=frozenset({"treatment_names", "mask_probability", "treatment_embedding"}),
    of_variant=of_variant,
    rows="treatments",
    labels=lambda config: frozenset({"perturbation"}),
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
