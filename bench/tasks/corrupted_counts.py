"""Some counts are reduced before fitting: predict the original counts.

    uniform    the count becomes 0
    binomial   the count becomes y ~ Binomial(x, keep), given that y < x

The task changes exactly the given fraction of the non-zero counts, and the targets are the original
counts of all changed entries of the scored cells.  Competitors do not know which entries changed:
they fit and encode the corrupted counts, so the task measures robustness to corruption.  (In
``masked_entries`` the missing entries are known.)  A cell may lose its last count.
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
    """Choice and corruption of counts."""

    fraction: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of the non-zero counts that changes, exact to the nearest count."""
    scheme: Literal["uniform", "binomial"] = "uniform"
    """Set a chosen count to zero, or thin it."""
    keep: Annotated[float, Gt(0), Le(0.9)] = 0.2
    """Expected share of a chosen count after thinning; ``uniform`` does not use it."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of validation cells; their counts are corrupted like all others."""
    max_scored_cells: Annotated[int, Ge(1)] = 5000
    """Maximum number of scored cells, sampled at random."""


def make_problem(
    data: CountData, config: CorruptedCountsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Corrupted counts for fitting, with the original counts as targets."""
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
    """Binomial draws, each repeated until it is smaller than its count."""
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
