"""All cells are fitted and scored: are batches mixed, and are cell types separated?

A share of the cells serves for validation; no cell is held out, because integration methods seldom
embed new cells.  Only models that declare the cell type receive it.  The task does not measure the
fit of counts; for this, see ``held_out_cells``.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench.core.dataset import CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import Problem
from bench.core.task import Controls, Task
from bench.parts.counts.log_counts import components, log_counts
from bench.parts.splits.cell_splits import rates_in_exposure, roles, scored_rows
from bench.parts.splits.duplicates import copy_groups


@dataclass(frozen=True, kw_only=True)
class IntegrationConfig:
    """Shares of the cells, and the reference for PCR comparison."""

    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Share of the cells."""
    n_components: Annotated[int, Ge(1)] = 50
    """Principal components of the uncorrected log counts, the reference of PCR comparison."""
    max_scored_cells: Annotated[int, Ge(1)] = 20_000
    """Maximum number of scored cells, sampled at random."""


def make_problem(
    data: CountData, config: IntegrationConfig, split: int, rng: np.random.Generator
) -> Problem:
    """All counts visible, all cells fitted; there are several batches and several types."""
    for_roles, for_scored, for_components = rng.spawn(3)
    n_cells = data.counts.shape[0]
    scored = scored_rows(n_cells, config.max_scored_cells, for_scored)
    before = components(log_counts(data.counts), config.n_components, for_components)
    return Problem(
        counts=data.counts,
        role=roles(n_cells, {"validation": config.validation}, for_roles, groups=copy_groups(data)),
        scored_rows=scored,
        labels=dict(data.labels),
        targets={"uncorrected": before[scored].astype(np.float32)},
        truth=rates_in_exposure(data),
    )


def objections(levels: Levels, config: IntegrationConfig) -> list[Finding]:
    """Findings for a single batch or a single cell type."""
    expected = {
        "batch": "fewer than two batches: there is nothing to mix",
        "cell_type": "fewer than two types: there is nothing to keep apart",
    }
    return [
        Finding(label, ", ".join(levels[label]), expected[label], "name another column")
        for label in expected
        if len(levels[label]) < 2
    ]


TASK = Task(
    label="integration",
    config=IntegrationConfig,
    make_problem=make_problem,
    objections=objections,
    needs=frozenset({"counts", "batch", "cell_type"}),
    adds=frozenset({"all_cells"}),
    readouts=frozenset({"latent"}),
    targets=frozenset({"uncorrected"}),
    ranked_by="scib.total",
    controls=Controls(floors=("batch_onehot",), ceilings=("cell_type_onehot",)),
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8",
)
