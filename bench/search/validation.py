"""What a trial is worth: its metric on the cells that its task keeps for selection, seed by seed.

The child that reads a trial out scores what it can; its parent says of every seed what became of
it.  Answers of the cells that are judged in the end are not looked at.
"""

from collections.abc import Mapping
from typing import Any

from bench.core.metric import Metric
from bench.core.problem import Problem
from bench.core.readout import Arrays
from bench.metrics._scoring import score_all

Row = Mapping[str, Any]


def validated(metric: Metric, readouts: Arrays, problem: Problem) -> dict[str, Any]:
    """The value of one seed, or why it has none; ``problem`` is the one a search sees."""
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
