"""Some cells are held out: how well does a model describe new cells?

Cells are split into training, validation and test; all counts are visible, because a model must
encode a held-out cell in order to score it.  Early stopping and a search use the validation cells,
which are not part of the final scores.  For perturbed cells, the effects among the test cells are
scored as well; this needs controls in every part, for which use ``stratify_by: perturbation``.  The
task ignores a mask of the dataset.  It does not measure the prediction of single entries; for this,
see ``thinned_counts`` and ``masked_entries``.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt, Lt
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData, Levels
from bench.core.errors import Finding
from bench.core.problem import TEST, VALIDATION, Problem
from bench.core.task import Controls, Task
from bench.parts.splits.cell_splits import need_training, rates_in_exposure, roles
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.label_levels import lacking_effects
from bench.parts.splits.perturbation_splits import (
    EFFECT_TARGETS,
    EVERY_PART,
    REVEALED,
    refuse_no_effect,
    targets_of_effects,
    training_space,
    true_effects,
)


@dataclass(frozen=True, kw_only=True)
class HeldOutCellsConfig:
    """Shares of the cells."""

    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    stratify_by: Literal["", "batch", "cell_type", "perturbation"] = ""
    """Label by which the split is stratified."""

    def __post_init__(self) -> None:
        need_training(test=self.test, validation=self.validation)


def make_problem(
    data: CountData, config: HeldOutCellsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by cell; the test cells are scored.  Raises if a part would be empty."""
    fractions = {"test": config.test, "validation": config.validation}
    strata = data.labels[config.stratify_by] if config.stratify_by else None
    role = roles(data.counts.shape[0], fractions, rng, strata, copy_groups(data))
    scored, selection = np.flatnonzero(role == TEST), np.flatnonzero(role == VALIDATION)
    answers = [_of_counts(data.counts[rows]) for rows in (scored, selection)]
    truth = rates_in_exposure(data)
    if "perturbation" in data.labels:
        fix = "with stratify_by: perturbation every part has its share of each"
        refuse_no_effect(data.labels["perturbation"], role, EVERY_PART, fix)
        space = training_space(data, role)
        for found, rows in zip(answers, (scored, selection), strict=True):
            found |= targets_of_effects(data, role, rows, space)
        truth |= true_effects(data, scored)
    return Problem(
        counts=data.counts,
        role=role,
        scored_rows=scored,
        labels=dict(data.labels),
        targets=answers[0],
        selection=selection,
        selection_targets=answers[1],
        truth=truth,
        gene_names=data.gene_names,
    )


def _of_counts(counts: csr_matrix) -> dict[str, NDArray[Any]]:
    """(scored,) library sizes; (gene,) variances and shares of zeros over the scored cells."""
    values = counts.astype(np.float64)
    mean, square = (np.asarray(m.mean(axis=0)).ravel() for m in (values, values.multiply(values)))
    return {
        "library": np.asarray(counts.sum(axis=1), dtype=np.int64).ravel(),
        "gene_variance": np.maximum(square - mean**2, 0),
        "gene_zero_fraction": 1 - (counts != 0).getnnz(axis=0) / counts.shape[0],
    }


def objections(levels: Levels, config: HeldOutCellsConfig) -> list[Finding]:
    """Findings if the data do not have the label ``stratify_by``, or too few perturbed cells."""
    name, lacking = config.stratify_by, []
    if "perturbation" in levels:
        lacking = lacking_effects(levels)
    if not name or name in levels:
        return lacking
    reason = f"this dataset has no such label; it has: {', '.join(levels) or 'none'}"
    return [*lacking, Finding("stratify_by", name, reason)]


TASK = Task(
    label="held-out cells",
    config=HeldOutCellsConfig,
    make_problem=make_problem,
    objections=objections,
    readouts=frozenset({"bounds", "latent", "effects", "treatment_latents"}),
    targets=frozenset({"library", "gene_variance", "gene_zero_fraction"}) | EFFECT_TARGETS,
    truths=REVEALED,
    selects=True,
    ranked_by="iwelbo",
    controls=Controls(floors=("mean",), ceilings=("oracle",)),
    reference="held-out likelihood, as in Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
