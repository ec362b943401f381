"""Problems about perturbations: what all their tasks pose alike once every cell has a role.

The truth of a problem holds what only ceilings are given: ``duplicate_effect`` (perturbation,
gene), the effects of the scored perturbations among other cells, and what a simulation knows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import Finding, UserError
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.parts.effects import effect_answers, observed_effects
from bench.parts.treatments import perturbations_in, treatments_of

Rows = NDArray[np.int64]

EFFECT_ANSWERS = frozenset(
    {
        *("perturbation_names", "data_effect", "data_effect_as_published"),
        *("mean_training_effect", "observed_cells", "observed_perturbation"),
        *("target_gene", "library"),
    }
)
"""What metrics of effects compare with: see :func:`bench.parts.effects.effect_answers`;
``target_gene`` (perturbation, gene) is true where a treatment bears the gene's name."""

REVEALED = frozenset({"true_mask", "true_latent"})
"""Truths of a simulation that metrics are given as well."""


def perturbation_problem(data: CountData, role: NDArray[np.int8], duplicates: Rows) -> Problem:
    """The problem of these roles; test cells are scored, validation cells may be selected by.

    ``duplicates`` are the rows a ceiling may know of the scored perturbations, and their controls.
    """
    scored, selection = np.flatnonzero(role == TEST), np.flatnonzero(role == VALIDATION)
    return Problem(
        visible=data.counts,
        role=role,
        scored=scored,
        labels=dict(data.labels),
        answers=_answers(data, role, scored),
        selection=selection,
        selection_answers=_answers(data, role, selection),
        truth=_known_to_ceilings(data, scored, duplicates),
        measured=data.measured,
    )


def _answers(data: CountData, role: NDArray[np.int8], rows: Rows) -> dict[str, NDArray[Any]]:
    """(row,) library sizes for bounds per count, and what effects among these rows come to."""
    perturbation = data.labels["perturbation"]
    train, names = np.flatnonzero(role == TRAIN), perturbations_in(perturbation[rows])
    targets = [[gene in treatments_of(name) for gene in data.gene_names] for name in names]
    known = {name: data.truth[name] for name in REVEALED if name in data.truth}
    if "true_latent" in known:
        known["true_latent"] = known["true_latent"][rows]
    return {
        "library": np.asarray(data.counts[rows].sum(axis=1)).ravel(),
        "target_gene": np.array(targets).reshape(len(names), len(data.gene_names)),
        **effect_answers(data.counts, perturbation, train, rows, data.measured),
        **known,
    }


def _known_to_ceilings(data: CountData, scored: Rows, duplicates: Rows) -> dict[str, NDArray[Any]]:
    """(perturbation, gene) ``duplicate_effect`` and ``true_effect`` of the scored perturbations."""
    perturbation = data.labels["perturbation"]
    wanted = perturbations_in(perturbation[scored])
    names, effect = observed_effects(data.counts, perturbation, duplicates, data.measured)
    found = {"duplicate_effect": effect[np.searchsorted(names, wanted)]}
    if "true_effect" in data.truth:
        every = perturbations_in(perturbation)
        found["true_effect"] = data.truth["true_effect"][np.searchsorted(every, wanted)]
    return found


def refuse_few_cells(perturbation: NDArray[np.str_], role: NDArray[np.int8]) -> None:
    """Every perturbation among these cells, and the control, needs a cell of every role.

    Raises :class:`UserError` with all that lack one.
    """
    findings = []
    for name in np.union1d(perturbation, [CONTROL]).tolist():
        counted = np.bincount(role[perturbation == name], minlength=3)[:3]
        if counted.min() == 0:
            has = "{} training, {} validation and {} test cells".format(*counted)
            findings.append(Finding(f"perturbation {name}", None, f"has {has}; it needs one each"))
    if findings:
        heading = "These perturbations have too few cells; leave them out or change the shares:"
        raise UserError(heading, findings)
