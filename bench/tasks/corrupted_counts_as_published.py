"""Corrupted counts as in the published code of scVI, with its irregularities.

    uniform    of floor(fraction * number of non-zeros) of the non-zero entries, each is multiplied
               by Bernoulli(0.9): only a tenth of them change, 1 % of the non-zeros by default
    binomial   floor(fraction * number of entries) of *all* entries, zeros too, become
               Binomial(x, 0.2): most of them are zero before and after

The targets are the entries whose value changed.  This task exists for comparison with published
values; ``corrupted_counts`` corrects it.  The number of non-zeros among the sampled entries has a
hypergeometric distribution, so that no dense matrix is needed.
Source: scvi 0.2 to 0.6, ``corrupt_posteriors``.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench.core.dataset import CountData
from bench.core.problem import Problem
from bench.core.task import Controls, Task
from bench.parts.splits.corruption import corrupted_problem, nonzero_counts

KEPT_WHOLE = 0.9
"""Probability that ``uniform`` does not change a chosen entry."""

KEPT_SHARE = 0.2
"""Expected share of a chosen entry after ``binomial``."""


@dataclass(frozen=True, kw_only=True)
class CorruptedCountsAsPublishedConfig:
    """Choice of the entries that may change."""

    fraction: Annotated[float, Gt(0), Lt(1)] = 0.1
    """The published ``rate``: the share of sampled entries, of which only some change."""
    scheme: Literal["uniform", "binomial"] = "uniform"
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of validation cells; their counts are corrupted like all others."""
    max_scored_cells: Annotated[int, Ge(1)] = 5000
    """Maximum number of scored cells, sampled at random."""


def make_problem(
    data: CountData, config: CorruptedCountsAsPublishedConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Corrupted counts for fitting, with the original counts as targets."""
    for_cells, for_choice, for_values = rng.spawn(3)
    original = nonzero_counts(data)
    n_zeros = int(np.prod(original.shape, dtype=np.int64)) - original.nnz
    if config.scheme == "uniform":
        n_chosen = int(config.fraction * original.nnz)
    else:
        n_drawn = int(config.fraction * (original.nnz + n_zeros))
        n_chosen = int(for_choice.hypergeometric(original.nnz, n_zeros, n_drawn))
    chosen = for_choice.choice(original.nnz, n_chosen, replace=False, shuffle=False)
    values, before = original.data.copy(), original.data[chosen].astype(np.int64)
    if config.scheme == "uniform":
        values[chosen] = before * for_values.binomial(1, KEPT_WHOLE, size=n_chosen)
    else:
        values[chosen] = for_values.binomial(before, KEPT_SHARE)
    return corrupted_problem(
        data, original, values, config.validation, config.max_scored_cells, for_cells
    )


TASK = Task(
    label="corrupted counts as published",
    config=CorruptedCountsAsPublishedConfig,
    make_problem=make_problem,
    readouts=frozenset({"fitted_means", "drawn_rates", "latent"}),
    targets=frozenset({"changed", "changed_counts"}),
    ranked_by="corruption_error",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, as scvi 0.2 to 0.6 coded it",
)
