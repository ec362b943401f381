"""One-hot code of the type of a cell, with little jitter.

    z_i = e_t(i) + jitter * N(0, 1)

The ceiling of integration: types are completely separated, without batch effects within a type.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
from bench.core.problem import Problem
from bench.parts.counts.one_hot import jittered


@dataclass(frozen=True, kw_only=True)
class CellTypeOnehotConfig:
    """Spread of the cells of one type."""

    jitter: Annotated[float, Gt(0)] = 0.01
    """Standard deviation on every axis; types are the square root of two apart."""


def fit(problem: Problem, config: CellTypeOnehotConfig, rng: np.random.Generator) -> FittedBaseline:
    latent = jittered(problem.labels["cell_type"], config.jitter, rng)
    return FittedBaseline(functions={"latent": by_fitted_cell(latent, problem)})


BASELINE = Baseline(
    label="cell-type one-hot",
    config=CellTypeOnehotConfig,
    fit=fit,
    needs=frozenset({"all_cells", "cell_type", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="ceiling",
    reference="a control of this suite, as in Open Problems",
)
