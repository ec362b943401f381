"""Some counts are made smaller before anybody sees them: what did they look like before?

    uniform    the count becomes 0
    binomial   the count becomes y ~ Binomial(x, keep), given that y < x

Exactly the fraction asked for of the non-zero counts is chosen, all are changed, and all changed
entries of the scored cells are scored on their originals.  Nothing says which entries were changed:
they are fitted and encoded as they stand, so that a model must distrust its data.  (Entries that
are known to be missing are the question of ``masked_entries``.)  A cell may lose its last count.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from bench.core.dataset import CountData
from bench.core.problem import Problem
from bench.core.task import Controls, Task
from bench.parts.splits.corruption import corrupted_problem, nonzero_counts


@dataclass(frozen=True, kw_only=True)
class CorruptedCountsConfig:
    """Which counts are changed, and how."""

    fraction: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of the non-zero counts that is changed, exact to the nearest count."""
    scheme: Literal["uniform", "binomial"] = "uniform"
    """Whether a chosen count becomes zero or is thinned."""
    keep: Annotated[float, Gt(0), Le(0.9)] = 0.2
    """Share of a chosen count that thinning keeps; unused by ``uniform``."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of the cells; their counts are as corrupted as everybody's."""
    max_scored_cells: Annotated[int, Ge(1)] = 5000
    """Of more cells than this, so many are drawn and scored."""


def make_problem(
    data: CountData, config: CorruptedCountsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Corrupted counts to fit, original ones to be scored on."""
    for_cells, for_choice, for_values = rng.spawn(3)
    original = nonzero_counts(data)
    n_chosen = round(config.fraction * original.nnz)
    chosen = for_choice.choice(original.nnz, n_chosen, replace=False, shuffle=False)
    values = original.data.copy()
    values[chosen] = 0
    if config.scheme == "binomial":
        values[chosen] = _smaller(original.data[chosen], config.keep, for_values)
    return corrupted_problem(
        data, original, values, config.validation, config.max_scored_cells, for_cells
    )


def _smaller(counts: NDArray, keep: float, rng: np.random.Generator) -> NDArray:
    """Binomial draws, each drawn again until it is smaller than its count."""
    lowered = rng.binomial(counts.astype(np.int64), keep)
    while (same := lowered == counts).any():
        lowered[same] = rng.binomial(counts[same].astype(np.int64), keep)
    return lowered


TASK = Task(
    label="corrupted counts",
    config=CorruptedCountsConfig,
    make_problem=make_problem,
    readouts=frozenset({"fitted_means", "latent"}),
    targets=frozenset({"changed", "changed_counts"}),
    ranked_by="corruption_error",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="after Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, with the fraction asked for",
)
