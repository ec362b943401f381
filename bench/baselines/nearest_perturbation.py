"""The effect of the training perturbation that shares the most treatments.

    effect of p = mean of effect_q over N(p)
    N(p): of the training perturbations q that share the most treatments with p, those
          with the smallest sum over treatments t of |dosage_pt - dosage_qt|

Ties are averaged: an unseen combination gets the mean of its treatments if both occur alone
(matching mean).  A perturbation without a shared treatment gets the mean of all.  A training
perturbation gets its own effect, that among the training cells.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effect_predictions import (
    Floats,
    Names,
    dosage_table,
    treatments_in,
)
from bench.parts.perturbations.effects import training_effects


@dataclass(frozen=True, kw_only=True)
class NearestPerturbationConfig:
    """No parameters."""


def fit(
    problem: Problem, config: NearestPerturbationConfig, rng: np.random.Generator
) -> FittedBaseline:
    names, effect = training_effects(problem)
    answers = {"perturbed": lambda asked: nearest(asked, names) @ effect}
    return FittedBaseline(functions=answers, n_parameters=effect.size)


def nearest(asked: Names, trained: Names) -> Floats:
    """(predicted, training) weights of the nearest training perturbations, with sum one."""
    from scipy.spatial.distance import cdist

    treatments = treatments_in(np.concatenate([asked, trained]))
    wanted, known = (dosage_table(names, treatments) for names in (asked, trained))
    shared = (wanted > 0).astype(float) @ (known > 0).T
    most = shared.max(1, keepdims=True)
    apart = np.where(shared == most, cdist(wanted, known, "cityblock"), np.inf)
    near = (apart <= apart.min(1, keepdims=True) + 1e-9) | (most == 0)
    return np.asarray(near / near.sum(1, keepdims=True))


BASELINE = Baseline(
    label="nearest perturbation",
    config=NearestPerturbationConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="competitor",
    reference="Viñas Torné et al. 2025, doi:10.1038/s41587-025-02777-8 (matching mean)",
)
