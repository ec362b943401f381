"""Few cells are labelled: predict the types of all others.

There are three variants.  By default, unlabelled cells are fitted with all others and then scored
(transductive); with ``test``, a share of the cells of every type is held out, and only these cells
are scored (inductive); with ``test_batch``, a whole batch is held out (transfer), and its types may
be absent from the other batches.  Labels of validation cells are hidden from all competitors; the
labels of some of them serve for the choice of hyperparameters, and these cells are never part of
the final scores.  Cells without a type in the data are only fitted.  Splits do not depend on counts
unless markers determine the labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from bench.core.dataset import KNOWN_TYPE, UNKNOWN, CountData, Levels
from bench.core.errors import MOST_LISTED, Finding, UserError, listed, mistake, suggestion
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem
from bench.core.task import Controls, Task
from bench.parts.splits.cell_splits import need_training, rates_in_exposure, roles
from bench.parts.splits.duplicates import copy_groups
from bench.parts.splits.seed_labels import marked, markers, refuse_unknown, sample_labelled

Rows = NDArray[np.int64]

RARE_TYPES = (
    "label fewer cells (per_class), change the shares of validation and test, merge types, or list "
    "rare types under the dataset's key unknown"
)


@dataclass(frozen=True, kw_only=True)
class FewLabelsConfig:
    """Labelled cells and held-out cells."""

    per_class: Annotated[int, Ge(1)] = 10
    """Labelled training cells per type."""
    fraction: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Labelled share of the training cells of each type, at least one cell, instead of
    ``per_class``; 0 uses ``per_class``."""
    markers: tuple[str, ...] = ()
    """Label ``per_class`` cells of each type by marker genes, possibly wrongly, instead of by the
    data; one item per type, such as "CD8 naive: CD8B CCR7 -CD4"."""
    test: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Held-out share of the cells of each type; if set, only these cells are scored."""
    test_batch: str = ""
    """Held-out batch; if set, only its cells are scored."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Validation share of the cells of each type."""
    selection_per_class: Annotated[int, Ge(1)] = 10
    """Validation cells of each type, or all if fewer, whose labels a search may use."""
    max_scored_cells: Annotated[int, Ge(1)] = 20_000
    """Maximum number of scored cells, sampled at random; labelled cells do not count."""

    def __post_init__(self) -> None:
        # The plan contains a list instead of a tuple.
        object.__setattr__(self, "markers", tuple(self.markers))
        markers(self.markers)
        need_training(test=self.test, validation=self.validation)
        findings = [
            Finding(one, getattr(self, one), f"cannot go with {other}", "leave one of them out")
            for one, other in (("fraction", "markers"), ("test", "test_batch"))
            if getattr(self, one) and getattr(self, other)
        ]
        if findings:
            raise UserError("These parameters exclude each other:", findings)


def make_problem(
    data: CountData, config: FewLabelsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """All counts visible, few types known.  Raises with all types of too few cells."""
    for_roles, for_told, for_selection, for_scored = rng.spawn(4)
    true_type, groups = data.labels["cell_type"], copy_groups(data)
    role = _roles(data, groups, config, for_roles)
    _refuse_small_types(true_type, role, config)
    known = _known(data, role, config, for_told)
    has_label = np.isin(groups, groups[known != ""])
    hidden = _hidden(true_type, role, has_label, config, for_scored)
    chosen = sample_labelled(
        true_type,
        (role == VALIDATION) & (true_type != UNKNOWN),
        lambda n: config.selection_per_class,
        for_selection,
    )
    labelled = np.flatnonzero(known != "")
    scored, selection = (np.union1d(labelled, rows) for rows in (hidden, chosen))
    others = {name: values for name, values in data.labels.items() if name != "cell_type"}
    return Problem(
        counts=data.counts,
        role=role,
        scored_rows=scored,
        labels=others | {KNOWN_TYPE: known},
        targets=_targets(data, scored),
        selection=selection,
        selection_targets=_targets(data, selection),
        truth=rates_in_exposure(data),
    )


def objections(levels: Levels, config: FewLabelsConfig) -> list[Finding]:
    """Findings for a single type, types of too few cells, and a test batch that is not there."""
    types, findings = levels["cell_type"], []
    if len(types) < 2:
        expected = "fewer than two types: there is nothing to tell apart"
        findings.append(Finding("cell_type", ", ".join(types), expected, "name another column"))
    if config.test_batch:
        return [*findings, *_absent_batch(levels, config.test_batch)]
    # At most this share of a type can be training cells; one is needed beside the labelled ones.
    fewest = _wanted(config)(0) + 2 + (config.test > 0)
    return findings + [
        Finding(f"cell_type {kind}", None, f"has {n:,} cells; needs at least {fewest}", RARE_TYPES)
        for kind, n in types.items()
        if n < fewest
    ]


def _absent_batch(levels: Levels, batch: str) -> list[Finding]:
    if "batch" not in levels:
        reason, fix = "this dataset has no batches", "name their column"
    elif batch not in levels["batch"]:
        reason = "no cell is of this batch"
        fix = suggestion(batch, list(levels["batch"]), f"there are: {listed(levels['batch'])}")
    elif len(levels["batch"]) < 2:
        reason, fix = "all cells are of this batch", "name another column"
    else:
        return []
    return [Finding("test_batch", batch, reason, fix)]


def _targets(data: CountData, rows: Rows) -> dict[str, NDArray[Any]]:
    """(row,) true types, and library sizes (counts) for bounds per count."""
    library = np.asarray(data.counts[rows].sum(axis=1), dtype=np.int64).ravel()
    return {"true_type": data.labels["cell_type"][rows], "library": library}


def _roles(
    data: CountData, groups: Rows, config: FewLabelsConfig, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Shares of each type; cells of no known type are fitted unless their batch is held out.

    A copy of a test cell that is no test cell itself, for its batch or missing type, is not used.
    """
    true_type, held_out = data.labels["cell_type"], _held_out(data, config.test_batch)
    dealt = (true_type != UNKNOWN) & ~held_out
    if len(np.unique(true_type[dealt])) < 2:
        raise mistake(
            "cell_type", None, "fewer than two types can be fitted: nothing to tell apart"
        )
    fractions = {"validation": config.validation} | ({"test": config.test} if config.test else {})
    role = np.where(held_out, TEST, TRAIN).astype(np.int8)
    role[dealt] = roles(int(dealt.sum()), fractions, rng, true_type[dealt], groups[dealt])
    role[(role != TEST) & np.isin(groups, groups[role == TEST])] = UNUSED
    return role


def _held_out(data: CountData, batch: str) -> NDArray[np.bool_]:
    """(cell,) true in the held-out batch; all false without one."""
    if not batch:
        return np.zeros(data.counts.shape[0], dtype=bool)
    held_out = data.labels["batch"] == batch
    if (data.labels["cell_type"][held_out] == UNKNOWN).all():
        raise mistake("test_batch", batch, "none of its cells has a known type: nothing to score")
    return np.asarray(held_out)


def _wanted(config: FewLabelsConfig) -> Callable[[int], int]:
    """Number of labelled cells among the n training cells of a type."""
    if config.fraction:
        return lambda n: max(1, round(config.fraction * n))
    return lambda n: config.per_class


def _refuse_small_types(
    true_type: NDArray[np.str_], role: NDArray[np.int8], config: FewLabelsConfig
) -> None:
    """Each type needs more training cells than labels, a validation cell and a test cell.

    A type that occurs only in the held-out batch is exempt.
    """
    findings, dealt = [], (role != TEST) if config.test_batch else np.ones(len(role), dtype=bool)
    for kind in np.unique(true_type[dealt & (true_type != UNKNOWN)]):
        counted = np.bincount(role[true_type == kind], minlength=3)[:UNUSED]
        needed = (_wanted(config)(counted[TRAIN]) + 1, 1, 1 if config.test else 0)
        if any(counted < needed):
            has = "{} training, {} validation and {} test cells".format(*counted)
            expected = "has {}; it needs at least {}, {} and {}".format(has, *needed)
            findings.append(Finding(f"cell_type {kind}", None, expected))
    if findings:
        heading = f"These types have too few cells; {RARE_TYPES}:"
        raise UserError(heading, findings, most=MOST_LISTED)


def _known(
    data: CountData, role: NDArray[np.int8], config: FewLabelsConfig, rng: np.random.Generator
) -> NDArray[np.str_]:
    """(cell,) the type of labelled cells, "" for all others."""
    true_type = data.labels["cell_type"]
    may_be_labelled = (role == TRAIN) & (true_type != UNKNOWN)
    known = np.full_like(true_type, "")
    if config.markers:
        given, rows = markers(config.markers), np.flatnonzero(may_be_labelled)
        refuse_unknown(given, data.gene_names, np.unique(true_type[rows]).tolist())
        known[rows] = marked(given, data.counts[rows], data.gene_names, config.per_class)
    else:
        labelled = sample_labelled(true_type, may_be_labelled, _wanted(config), rng)
        known[labelled] = true_type[labelled]
    return known


def _hidden(
    true_type: NDArray[np.str_],
    role: NDArray[np.int8],
    has_label: NDArray[np.bool_],
    config: FewLabelsConfig,
    rng: np.random.Generator,
) -> Rows:
    """The scored cells: the data have their type, and no copy of them has a label."""
    held_back = config.test > 0 or config.test_batch != ""
    test_cells = role == (TEST if held_back else TRAIN)
    order = rng.permutation(len(role))
    hidden = (test_cells & ~has_label & (true_type != UNKNOWN))[order]
    return np.sort(order[hidden][: config.max_scored_cells])


TASK = Task(
    label="few labels",
    config=FewLabelsConfig,
    make_problem=make_problem,
    objections=objections,
    needs=frozenset({"counts", "cell_type"}),
    hides=frozenset({"cell_type"}),
    adds=frozenset({KNOWN_TYPE}),
    readouts=frozenset({"bounds", "latent", "class_probability"}),
    targets=frozenset({"true_type", "library"}),
    selects=True,
    ranked_by="balanced_accuracy",
    controls=Controls(floors=("majority_class",)),
    reference="Kingma et al. 2014, arXiv 1406.5298; Xu et al. 2021, doi:10.15252/msb.20209620",
)
