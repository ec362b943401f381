"""Principal components of log counts, permuted among all cells.

    z_i = y_p(i)        p: a random permutation of all cells

Batches are mixed at random and no biology remains: a floor for scores that reward both.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
from bench.core.problem import Problem
from bench.parts.counts.log_counts import embedded


@dataclass(frozen=True, kw_only=True)
class ShuffledConfig:
    """Number of components."""

    n_components: Annotated[int, Ge(1)] = 10


def fit(problem: Problem, config: ShuffledConfig, rng: np.random.Generator) -> FittedBaseline:
    latent = rng.permutation(embedded(problem, config.n_components, rng))
    return FittedBaseline(functions={"latent": by_fitted_cell(latent, problem)})


BASELINE = Baseline(
    label="shuffled PCA",
    config=ShuffledConfig,
    fit=fit,
    needs=frozenset({"all_cells", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="floor",
    reference="a control of this suite, as in Open Problems",
)
