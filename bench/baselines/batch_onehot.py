"""One-hot code of the batch of a cell, with little jitter.

    z_i = e_b(i) + jitter * N(0, 1)

The floor of integration: batches are completely separated, and types are not.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
from bench.core.problem import Problem
from bench.parts.counts.one_hot import jittered


@dataclass(frozen=True, kw_only=True)
class BatchOnehotConfig:
    """Spread of the cells of one batch."""

    jitter: Annotated[float, Gt(0)] = 0.01
    """Standard deviation on every axis; batches are the square root of two apart."""


def fit(problem: Problem, config: BatchOnehotConfig, rng: np.random.Generator) -> FittedBaseline:
    latent = jittered(problem.labels["batch"], config.jitter, rng)
    return FittedBaseline(functions={"latent": by_fitted_cell(latent, problem)})


BASELINE = Baseline(
    label="batch one-hot",
    config=BatchOnehotConfig,
    fit=fit,
    needs=frozenset({"all_cells", "batch", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="floor",
    reference="a control of this suite, as in Open Problems",
)
