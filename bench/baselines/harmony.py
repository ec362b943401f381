"""Harmony on principal components of log counts.

Soft clusters that are kept diverse in batches, and in each of them a linear correction of every
batch towards the others, alternated (Korsunsky et al. 2019); computed by harmonypy.  Embeds the
cells it was fitted to and no others; cells without a batch keep their components.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
from bench.core.dataset import UNKNOWN
from bench.core.problem import Problem
from bench.parts.counts.log_counts import embedded


@dataclass(frozen=True, kw_only=True)
class HarmonyConfig:
    """Number of components, and strength of the correction."""

    n_components: Annotated[int, Ge(1)] = 10
    theta: Annotated[float, Ge(0)] = 2.0
    """Weight of the reward for batch diversity; 0 gives clusters without it."""
    max_iterations: Annotated[int, Ge(1)] = 10


def fit(problem: Problem, config: HarmonyConfig, rng: np.random.Generator) -> FittedBaseline:
    from harmonypy import run_harmony

    latent, batch = embedded(problem, config.n_components, rng), problem.labels["batch"]
    known = batch != UNKNOWN
    corrected = latent.copy()
    corrected[known] = run_harmony(
        latent[known],
        {"batch": batch[known]},
        "batch",
        theta=config.theta,
        max_iter_harmony=config.max_iterations,
        random_state=int(rng.integers(2**31)),
        ncores=1,
        verbose=False,
    ).Z_corr
    return FittedBaseline(functions={"latent": by_fitted_cell(corrected, problem)})


BASELINE = Baseline(
    label="Harmony",
    config=HarmonyConfig,
    fit=fit,
    needs=frozenset({"all_cells", "batch", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="competitor",
    reference="Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0; harmonypy",
)
