"""Every count is split in two parts: one is fitted, the other is the target.

    y_ij ~ Binomial(x_ij, f),   y'_ij = x_ij - y_ij:

given Poisson x the two are independent, with rates fλ and (1-f)λ, so a predicted mean of y times
(1-f)/f predicts y' (Batson et al. 2019, doi:10.1101/786269; Sarkar and Stephens 2021).  A
simulation with a second draw is not thinned: x is fitted and the second draw is the target.
A cell with few counts may have no visible counts; another draw would bias the split.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.core.task import Controls, Task
from bench.parts.splits.cell_splits import rates_in_exposure, roles, scored_rows
from bench.parts.splits.duplicates import copy_groups


@dataclass(frozen=True, kw_only=True)
class ThinnedCountsConfig:
    """Shares of counts and cells."""

    fraction: Annotated[float, Gt(0), Lt(1)] = 0.5
    """f: expected visible share of the counts; not used if there is a second draw."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of the cells."""
    max_scored_cells: Annotated[int, Ge(1)] = 5000
    """Maximum number of scored cells, sampled at random."""


def make_problem(
    data: CountData, config: ThinnedCountsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Visible and second counts; all cells train or validate, and all may be scored."""
    n_cells = data.counts.shape[0]
    for_roles, for_scored, for_counts = rng.spawn(3)
    scored = scored_rows(n_cells, config.max_scored_cells, for_scored)
    if "second_draw" in data.truth:
        visible, share, exposure = data.counts, 1.0, 1.0
        second = _second_draw(data, split, for_counts)[scored]
    else:
        share, exposure = config.fraction, (1 - config.fraction) / config.fraction
        visible = _thinned(data.counts, config.fraction, for_counts)
        second = (data.counts[scored] - visible[scored]).toarray()
    return Problem(
        counts=visible,
        role=roles(n_cells, {"validation": config.validation}, for_roles, groups=copy_groups(data)),
        scored_rows=scored,
        labels=dict(data.labels),
        exposure=exposure,
        targets={"second_counts": second.astype(np.int32)},
        truth=rates_in_exposure(data, share),
    )


def _thinned(counts: csr_matrix, fraction: float, rng: np.random.Generator) -> csr_matrix:
    visible_values = rng.binomial(counts.data, fraction).astype(counts.dtype)
    visible = csr_matrix(
        (visible_values, counts.indices.copy(), counts.indptr.copy()), counts.shape
    )
    visible.eliminate_zeros()
    return visible


def _second_draw(data: CountData, split: int, rng: np.random.Generator) -> NDArray:
    """The second draw of the simulation on split 1, new draws at its rates on later splits."""
    if split == 1:
        return data.truth["second_draw"]
    if "rate" not in data.truth:
        raise mistake("splits", split, "a dataset with a second draw but no rates has one split")
    return rng.poisson(data.truth["rate"])


TASK = Task(
    label="thinned counts",
    config=ThinnedCountsConfig,
    make_problem=make_problem,
    readouts=frozenset({"rates", "latent"}),
    targets=frozenset({"second_counts"}),
    ranked_by="heldout_poisson_loglik",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="Batson et al. 2019, doi:10.1101/786269; Sarkar and Stephens 2021, "
    "doi:10.1038/s41588-021-00873-4",
)
