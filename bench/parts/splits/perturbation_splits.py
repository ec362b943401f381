"""Shared code of tasks about perturbations, after the assignment of roles.

The truth of a problem is for ceilings only: ``duplicate_effect`` (perturbation, gene), the effects
of the scored perturbations among other cells, and true values of a simulation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import MOST_LISTED, Finding, UserError
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem
from bench.core.task import Controls
from bench.parts.perturbations.effects import Space, effect_targets, observed_effects
from bench.parts.perturbations.treatments import perturbations_in, treatments_of
from bench.parts.splits.cell_splits import rates_in_exposure

Rows = NDArray[np.int64]
Names = NDArray[np.str_]

EFFECT_TARGETS = frozenset(
    {
        *("perturbation_names", "data_effect", "mean_training_effect"),
        *("observed_cells", "observed_perturbation", "target_gene", "library"),
    }
)
"""Targets of metrics of effects, see ``parts.perturbations.effects.effect_targets``;
``target_gene`` (perturbation, gene) is true if a treatment has the name of the gene."""

REVEALED = frozenset({"true_mask", "true_latent"})
"""True values of a simulation that metrics also receive."""

EFFECT_CONTROLS = Controls(floors=("no_effect",), ceilings=("oracle_effects", "split_half"))
"""Baselines between which scores of effects are scaled; the ceiling uses the true effects of a
simulation, else other cells of the same perturbations."""

FEWEST_JUDGED = 2
"""Minimum number of scored combinations: metrics of discrimination need two."""

EVERY_PART = (TRAIN, VALIDATION, TEST)
CALLED = {TRAIN: "training", VALIDATION: "validation", TEST: "test", UNUSED: "unscored"}


def perturbation_problem(
    data: CountData, role: NDArray[np.int8], duplicates: Rows, among: Rows | None = None
) -> Problem:
    """The problem with these roles; test cells are scored, validation cells serve for selection.

    ``duplicates`` are the rows of the scored perturbations that a ceiling may use, and their
    controls.  The target effects are those among the scored cells, or among the rows of ``among``.
    """
    scored, selection = np.flatnonzero(role == TEST), np.flatnonzero(role == VALIDATION)
    parts = EVERY_PART if among is None else (TRAIN, VALIDATION)
    refuse_no_effect(data.labels["perturbation"], role, parts, "change the shares")
    space = training_space(data, role)
    return Problem(
        counts=data.counts,
        role=role,
        scored_rows=scored,
        labels=dict(data.labels),
        targets=targets_of_effects(data, role, scored, space, among),
        selection=selection,
        selection_targets=targets_of_effects(data, role, selection, space),
        truth=_known_to_ceilings(data, scored, duplicates),
        measured=data.measured,
        gene_names=data.gene_names,
    )


def training_space(data: CountData, role: NDArray[np.int8]) -> Space:
    """The space for comparisons of distributions: the principal components of training cells."""
    return Space(data.counts, np.flatnonzero(role == TRAIN), data.measured)


def targets_of_effects(
    data: CountData,
    role: NDArray[np.int8],
    rows: Rows,
    space: Space,
    among: Rows | None = None,
) -> dict[str, NDArray[Any]]:
    """(row,) library sizes for bounds per count, and the targets about effects of these rows."""
    perturbation = data.labels["perturbation"]
    train, names = np.flatnonzero(role == TRAIN), perturbations_in(perturbation[rows])
    targets = [np.isin(data.gene_names, list(treatments_of(name))) for name in names.tolist()]
    known = {name: data.truth[name] for name in REVEALED if name in data.truth}
    if "true_latent" in known:
        known["true_latent"] = known["true_latent"][rows]
    there = rows if among is None else among
    return {
        "library": _libraries(data, rows),
        "target_gene": np.array(targets).reshape(len(names), len(data.gene_names)),
        **effect_targets(data.counts, perturbation, train, rows, data.measured, there, space),
        **known,
    }


def _libraries(data: CountData, rows: Rows) -> NDArray[Any]:
    """(row,) total counts of a cell; NaN for real-valued data."""
    if data.measured == "values":
        return np.full(len(rows), np.nan)
    return np.asarray(data.counts[rows].sum(axis=1)).ravel()


def true_effects(data: CountData, scored: Rows) -> dict[str, NDArray[Any]]:
    """(perturbation, gene) ``true_effect`` of the scored perturbations, if the data have it."""
    if "true_effect" not in data.truth:
        return {}
    perturbation = data.labels["perturbation"]
    every, wanted = (perturbations_in(part) for part in (perturbation, perturbation[scored]))
    return {"true_effect": data.truth["true_effect"][np.searchsorted(every, wanted)]}


def roles_by_rank(
    rank: NDArray[np.floating], test: NDArray[np.floating], validation: float
) -> NDArray[np.int8]:
    """(cell,) roles by rank: test below the cell's test share, then validation, then training."""
    parts = [rank < test, rank < test + validation]
    return np.select(parts, [np.int8(TEST), np.int8(VALIDATION)], np.int8(TRAIN))


def other_cells(perturbation: Names, role: NDArray[np.int8]) -> Rows:
    """Unscored cells of the scored perturbations, and the training controls."""
    scored = perturbations_in(perturbation[role == TEST])
    others = np.isin(perturbation, scored) & (role != TEST)
    return np.flatnonzero(others | ((perturbation == CONTROL) & (role == TRAIN)))


def combinations_in(perturbation: Names) -> Names:
    """The distinct perturbations with two or more treatments, in alphabetical order."""
    names = perturbations_in(perturbation)
    return names[np.array([len(treatments_of(name)) > 1 for name in names.tolist()], dtype=bool)]


def given_alone(perturbation: Names) -> Names:
    """The treatments that occur alone in some cells, in alphabetical order."""
    names = perturbations_in(perturbation)
    alone = names[~np.isin(names, combinations_in(names))]
    return np.array(sorted({t for name in alone.tolist() for t in treatments_of(name)}), dtype=str)


def refuse_few_cells(
    perturbation: Names, role: NDArray[np.int8], needed: Mapping[str, Sequence[int]]
) -> None:
    """Check that every perturbation has a cell of each of its required roles.

    Raises :class:`UserError` with all perturbations that lack one.
    """
    findings = []
    for name, parts in needed.items():
        counted = np.bincount(role[perturbation == name], minlength=len(CALLED))
        if not all(counted[part] for part in parts):
            has = ", ".join(f"{counted[part]} {CALLED[part]}" for part in parts)
            findings.append(Finding(f"perturbation {name}", None, f"has {has} cells; needs 1 each"))
    if findings:
        heading = "These perturbations have too few cells; leave them out (min_cells of an h5ad "
        raise UserError(heading + "dataset) or change the shares:", findings, most=MOST_LISTED)


def refuse_no_effect(
    perturbation: Names, role: NDArray[np.int8], parts: Sequence[int], fix: str
) -> None:
    """Check that each of these parts has a control and a perturbed cell, as effects require.

    Raises :class:`UserError` with all parts that lack one.
    """
    findings = []
    for part in parts:
        control = perturbation[role == part] == CONTROL
        lacking = [
            kind
            for kind, there in (("control", control.any()), ("perturbed", (~control).any()))
            if not there
        ]
        if lacking:
            reason = f"{len(control):,}, none of them {' or '.join(lacking)}: no effect can be told"
            findings.append(Finding(f"{CALLED[part]} cells", None, reason, fix))
    if findings:
        raise UserError(f"Effects need cells labelled {CONTROL!r} and others:", findings)


def _known_to_ceilings(data: CountData, scored: Rows, duplicates: Rows) -> dict[str, NDArray[Any]]:
    """(perturbation, gene) ``duplicate_effect`` of the scored perturbations, and true values."""
    perturbation = data.labels["perturbation"]
    wanted = perturbations_in(perturbation[scored])
    lacking = [
        Finding(f"perturbation {name}", None, "all its cells are test cells: no ceiling is left")
        for name in np.setdiff1d(wanted, perturbation[duplicates]).tolist()
    ]
    if lacking:
        heading = "These perturbations have too few cells; leave them out:"
        raise UserError(heading, lacking, most=MOST_LISTED)
    names, effect = observed_effects(data.counts, perturbation, duplicates, data.measured)
    duplicate = {"duplicate_effect": effect[np.searchsorted(names, wanted)]}
    return duplicate | true_effects(data, scored) | rates_in_exposure(data)
