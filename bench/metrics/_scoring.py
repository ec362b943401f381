"""Score one seed by every metric: arrays by name in, a score or a reason out for each."""

import traceback
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from bench.core.errors import text_of
from bench.core.machine import of_the_machine, wants_memory
from bench.core.metric import Metric, NotApplicable
from bench.core.problem import Problem
from bench.parts.scoring.labelled_cells import LabelledCells

SLACK = 1e-6
"""Rounding that is allowed beyond the ends of a metric's range, in units of its width or of 1."""


class Scored(NamedTuple):
    """Every metric is in one of the two."""

    scores: list[dict[str, Any]]
    """``metric, value``."""
    unscored: list[dict[str, Any]]
    """``metric, status, reason``; the status is ``not_applicable`` or ``failed``."""


def score_all(
    metrics: Mapping[str, Metric], readouts: Mapping[str, Any], problem: Problem
) -> Scored:
    """What each metric says of one seed.

    What several metrics derive from the same arrays, as the neighbours of every cell, is derived
    once, when the first of them asks.  A cell that lacks a label is left out by what needs that
    label.  A metric that raises, gives no finite number, or one beyond its own bounds, has failed;
    the others go on.
    """
    labels = {name: values[problem.scored_rows] for name, values in problem.labels.items()}
    cells = LabelledCells({**labels, **problem.targets, **readouts}, labels)
    scored = Scored([], [])
    for name, metric in metrics.items():
        try:
            value = float(metric.value(cells.arrays(metric.needs)))
            refused = _refused(value, metric.bounds)
        except NotApplicable as why:
            scored.unscored.append(_without(name, "not_applicable", str(why)))
            continue
        except (Exception, SystemExit) as error:  # a user's metric may raise anything
            if of_the_machine(error) or wants_memory(error):
                raise
            traceback.print_exc()
            refused = f"{type(error).__name__}: {text_of(error)}"
        if refused:
            scored.unscored.append(_without(name, "failed", refused))
        else:
            scored.scores.append({"metric": name, "value": value})
    return scored


def _refused(value: float, bounds: tuple[float, float]) -> str:
    """What is wrong with a value; empty where nothing is."""
    if not isfinite(value):
        return f"returned {value}"
    lowest, highest = bounds
    width = highest - lowest if isfinite(highest - lowest) else 1.0
    if lowest - SLACK * width <= value <= highest + SLACK * width:
        return ""
    return f"returned {value:.6g}, outside its own bounds of {lowest:g} to {highest:g}"


def _without(metric: str, status: str, reason: str) -> dict[str, Any]:
    return {"metric": metric, "status": status, "reason": reason}
