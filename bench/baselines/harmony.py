"""Harmony on principal components of log counts.

Alternates soft clustering with a reward for batch diversity and a linear correction of the batches
within each cluster (Korsunsky et al. 2019); computed by harmonypy.  It embeds only the fitted
cells.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
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
    corrected = run_harmony(
        latent,
        {"batch": batch},
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
