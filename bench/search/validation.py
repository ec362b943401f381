"""What a trial is worth: its metric on the cells that its task keeps for selection, seed by seed.

Two steps, in two processes: the child scores what it can, the parent says of every seed what became
of it.  Answers of the cells that are judged in the end are not looked at.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.files import read_json, write_json
from bench.core.metric import Metric
from bench.core.problem import Problem
from bench.core.readout import Arrays
from bench.metrics._scoring import score_all

SCORED = "validated.json"
"""What the child leaves in the trial's folder."""


def validate(folder: Path, metric: Metric, arrays: Mapping[int, Arrays], problem: Problem) -> None:
    """Score every seed that was read out; ``problem`` is the one a search sees."""
    values, failures = {}, {}
    for seed, readouts in arrays.items():
        good, bad = score_all({"value": metric}, readouts, problem)
        if good:
            values[str(seed)] = good[0]["value"]
        else:
            reason = bad[0]["reason"] if bad else f"{metric.label} does not apply to these cells"
            failures[str(seed)] = {"status": "failed", "reason": reason}
    write_json(folder / SCORED, {"values": values, "failures": failures})


def record(folder: Path, seeds: Sequence[int], outcome: Mapping[str, str]) -> dict[str, Any]:
    """A value or a failure for every seed; ``outcome`` is what became of the child."""
    scored = read_json(folder / SCORED) if (folder / SCORED).is_file() else {}
    values, failures = (dict(scored.get(part, {})) for part in ("values", "failures"))
    trained = read_json(folder / "status.json")
    for seed in map(str, seeds):
        if seed not in values and seed not in failures:
            failures[seed] = _failure(trained["seeds"].get(seed, {}), trained, outcome)
    return {"values": values, "failures": failures}


def _failure(*records: Mapping[str, Any]) -> dict[str, str]:
    """The first of these that did not end well."""
    for one in records:
        if one.get("status", "ok") != "ok":
            return {"status": one["status"], "reason": one["reason"]}
    return {"status": "failed", "reason": "it has no value, and nothing says why"}
