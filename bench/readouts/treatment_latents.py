"""Which latents every treatment moves, and how far.

    mask_probability (treatment, latent)      q(m_tk = 1); ones where a model has no mask
    treatment_embedding (treatment, latent)   expected move at dosage 1

Treatments are those a model has a column for: with unique encodings every perturbation is one.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import FittedRates
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout


@dataclass(frozen=True, kw_only=True)
class TreatmentLatentsConfig:
    """It has no options."""


def of_variant(fitted: FittedVariant, problem: Problem, config: TreatmentLatentsConfig) -> Arrays:
    """The names (treatment,) and both arrays."""
    found = fitted.module.treatment_latents()
    return {
        "treatment_names": np.array(found.names),
        "mask_probability": found.mask_probability.float().cpu().numpy(),
        "treatment_embedding": found.embedding.float().cpu().numpy(),
    }


def of_baseline(fitted: FittedRates, problem: Problem, config: TreatmentLatentsConfig) -> Arrays:
    """Raises ``ValueError``: no baseline has such latents."""
    raise ValueError("a baseline has no latents that treatments move: mend its card")


READOUT = Readout(
    label="Latents that treatments move",
    config=TreatmentLatentsConfig,
    gives=frozenset({"treatment_names", "mask_probability", "treatment_embedding"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    rows="treatments",
    labels=lambda config: frozenset({"perturbation"}),
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
