"""Levels of the labels of a dataset, from which a task decides whether it can make a problem."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, UNKNOWN, CountData, Levels
from bench.core.errors import MOST_LISTED, Finding, UserError
from bench.core.problem import TEST, TRAIN, VALIDATION
from bench.core.task import Task

PARTS = (TRAIN, VALIDATION, TEST)


def levels_of_labels(labels: Mapping[str, NDArray[np.str_]]) -> Levels:
    """Levels with their numbers of cells; "" is no level, and unknown no batch and no type."""
    found = {}
    for name, values in labels.items():
        levels, n_cells = np.unique(values, return_counts=True)
        counted = zip(levels.tolist(), n_cells.tolist(), strict=True)
        none = ("",) if name == "perturbation" else ("", UNKNOWN)
        found[name] = {level: n for level, n in counted if level not in none}
    return found


def perturbations_of(levels: Levels) -> NDArray[np.str_]:
    """The perturbations of a dataset, in alphabetical order, without the control."""
    return np.array(sorted(set(levels["perturbation"]) - {CONTROL}), dtype=str)


def lacking_effects(levels: Levels) -> list[Finding]:
    """Findings if there are not enough controls, or perturbed cells, for all parts of a split."""
    perturbations = levels.get("perturbation", {})
    n_control = perturbations.get(CONTROL, 0)
    n_perturbed = sum(perturbations.values()) - n_control
    counted = {"control cells": n_control, "perturbed cells": n_perturbed}
    fewest = len(PARTS)
    expected = f"expected at least {fewest}: one for training, validation and test each"
    return [Finding(name, n, expected) for name, n in counted.items() if n < fewest]


def refuse_objections(task: Task, data: CountData, config: object) -> None:
    """Raises :class:`UserError` with the objections of a task to the labels of the data."""
    if findings := task.objections(levels_of_labels(data.labels), config):
        heading = f"The task {task.label} cannot use these data:"
        raise UserError(heading, findings, most=MOST_LISTED)
