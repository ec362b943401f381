"""Principal components of log counts, permuted within each cell type.

    z_i = y_p(i)        p: a random permutation of the cells of the same type

Biology is kept as far as PCA has it, and within types batches are mixed as well as chance can: the
ceiling of mixing.  Cells without a type stay as they are.
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
class ShuffledWithinTypeConfig:
    """Number of components."""

    n_components: Annotated[int, Ge(1)] = 10


def fit(
    problem: Problem, config: ShuffledWithinTypeConfig, rng: np.random.Generator
) -> FittedBaseline:
    latent = embedded(problem, config.n_components, rng)
    kinds = problem.labels["cell_type"]
    for kind in np.unique(kinds[kinds != UNKNOWN]):
        cells = np.flatnonzero(kinds == kind)
        latent[cells] = latent[rng.permutation(cells)]
    return FittedBaseline(functions={"latent": by_fitted_cell(latent, problem)})


BASELINE = Baseline(
    label="PCA shuffled within types",
    config=ShuffledWithinTypeConfig,
    fit=fit,
    needs=frozenset({"all_cells", "cell_type", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="ceiling",
    reference="a control of this suite, as in Open Problems",
)
