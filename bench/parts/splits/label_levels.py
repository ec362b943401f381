"""Levels of the labels of a dataset, from which a task decides whether it can make a problem."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, UNKNOWN, CountData, Levels
from bench.core.errors import MOST_LISTED, UserError
from bench.core.task import Task


def levels_of_labels(labels: Mapping[str, NDArray[np.str_]]) -> Levels:
    """Levels with their numbers of cells; "" and unknown are no levels."""
    found = {}
    for name, values in labels.items():
        levels, n_cells = np.unique(values, return_counts=True)
        counted = zip(levels.tolist(), n_cells.tolist(), strict=True)
        found[name] = {level: n for level, n in counted if level not in ("", UNKNOWN)}
    return found


def perturbations_of(levels: Levels) -> NDArray[np.str_]:
    """The perturbations of a dataset, in alphabetical order, without the control."""
    return np.array(sorted(set(levels["perturbation"]) - {CONTROL}), dtype=str)


def refuse_objections(task: Task, data: CountData, config: object) -> None:
    """Raises :class:`UserError` with the objections of a task to the labels of the data."""
    if findings := task.objections(levels_of_labels(data.labels), config):
        heading = f"The task {task.label} cannot use these data:"
        raise UserError(heading, findings, most=MOST_LISTED)
