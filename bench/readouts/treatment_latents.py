"""Which latents every treatment moves, and how far.

    mask_probability (treatment, latent)      q(m_tk = 1); ones where a model has no mask
    treatment_embedding (treatment, latent)   expected move at dosage 1

Treatments are those a model has a column for: with unique encodings every perturbation is one.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import TreatmentModule


@dataclass(frozen=True, kw_only=True)
class TreatmentLatentsConfig:
    """It has no options."""


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
