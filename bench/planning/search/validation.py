"""The validation value of a trial: its metric on the selection cells of the task, by seed.

The child process that computes the readouts of a trial also scores it; its parent records the
status of every seed.  This code does not read the targets of the test cells.
"""

from collections.abc import Mapping
from typing import Any

from bench.core.metric import Metric
from bench.core.problem import Problem
from bench.core.readout import Arrays
from bench.metrics._scoring import score_all

Row = Mapping[str, Any]


def validated(metric: Metric, readouts: Arrays, problem: Problem) -> dict[str, Any]:
    """The value of one seed, or the reason without one; ``problem`` is that for the search."""
    scored = score_all({"value": metric}, readouts, problem)
    if scored.scores:
        return {"value": scored.scores[0]["value"]}
    [without] = scored.unscored
    return {"status": "failed", "reason": without["reason"]}


def values_of(trained: Row, read: Mapping[str, Row]) -> dict[str, Any]:
    """``values`` and ``failures`` by seed, from the records of a trial's training and read-out."""
    values, failures = {}, {}
    for seed, state in trained["seeds"].items():
        stages = [state, read.get(seed, {}), read.get(seed, {}).get("validation", {})]
        bad = [one for one in stages if one.get("status", "ok") != "ok"]
        if bad:
            failures[seed] = {name: bad[0][name] for name in ("status", "reason")}
        else:
            values[seed] = stages[-1]["value"]
    return {"values": values, "failures": failures}
