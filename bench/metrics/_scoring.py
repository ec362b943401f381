"""Score one seed by every metric: arrays by name in, rows out, a failure is a row too."""

import traceback
from collections.abc import Mapping
from math import isfinite
from typing import Any

from bench.core.metric import Metric, NotApplicable
from bench.core.problem import Problem
from bench.parts.derived import Derived


def score_all(
    metrics: Mapping[str, Metric], readouts: Mapping[str, Any], problem: Problem
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """``metric, value`` rows, and ``metric, reason`` rows of those that gave no finite number.

    What several metrics derive from the same arrays, as the neighbours of every cell, is derived
    once, when the first of them asks.  A metric that does not apply gives neither row.
    """
    labels = {name: values[problem.scored] for name, values in problem.labels.items()}
    arrays = Derived({**labels, **problem.answers, **readouts})
    good: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for name, metric in metrics.items():
        try:
            value = float(metric.score(**{need: arrays[need] for need in metric.needs}))
        except NotApplicable:
            continue
        except Exception as error:  # a user's metric may raise anything; the others go on
            traceback.print_exc()
            bad.append({"metric": name, "reason": f"{type(error).__name__}: {error}"})
            continue
        if isfinite(value):
            good.append({"metric": name, "value": value})
        else:
            bad.append({"metric": name, "reason": f"gave {value}, which is no finite number"})
    return good, bad
