"""What a study varied: which hyperparameters of which runs, and between which values.

Runs are compared within one label of the study, whose lists or ranges were varied on purpose.
Where several keys of a label were varied only together, they are one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bench.results.tables import PLAN, Results

Scale = Literal["", "linear", "log"]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One hyperparameter, or several that moved together, under one label."""

    label: str
    parameter: str
    continuous: Scale
    """The scale of a range that was searched; empty where values were listed."""
    runs: dict[str, Any]
    """Run -> its value: a number where all are, else text."""

    @property
    def values(self) -> list[Any]:
        """Distinct values, ascending."""
        return sorted(set(self.runs.values()))


def sweeps_of(results: Results, task: str, dataset: str) -> dict[str, list[Sweep]]:
    """Model -> its sweeps; models of which nothing was varied are left out."""
    plan = results.plan[(results.plan.task == task) & (results.plan.dataset == dataset)]
    plan = plan.drop_duplicates("run").sort_values("run")
    found = {str(m): _sweeps(rows, _ranges(results)) for m, rows in plan.groupby("model")}
    return {model: sweeps for model, sweeps in found.items() if sweeps}


def _ranges(results: Results) -> dict[str, dict[str, Scale]]:
    """Label of a search -> key -> scale, for what was searched between two ends."""
    searches = results.resolved.get("search") or {}
    return {
        label: {
            key: "log" if keys.get("log") else "linear"
            for key, keys in body.items()
            if isinstance(keys, dict) and "low" in keys
        }
        for label, body in searches.items()
    }


def _sweeps(plan: pd.DataFrame, ranges: Mapping[str, Mapping[str, Scale]]) -> list[Sweep]:
    """What was varied, label by label, among the runs of one model."""
    keys = [str(column) for column in plan if column not in PLAN]
    of = [_label(run, keys) for run in plan["run"]]
    found = []
    for label, rows in plan.groupby(of):
        columns = {key: _plain(rows[key]) for key in keys}
        varied = {key: values for key, values in columns.items() if len(set(values)) > 1}
        scales = ranges.get(str(label), {})
        for together in _together(varied, scales):
            values = list(zip(*(varied[key] for key in together), strict=True))
            one = [v[0] if len(v) == 1 else ", ".join(map(_text, v)) for v in values]
            found.append(
                Sweep(
                    label=str(label),
                    parameter=" and ".join(together),
                    continuous=scales.get(together[0], ""),
                    runs=dict(zip(rows["run"], one, strict=True)),
                )
            )
    return found


def _label(run: str, keys: Sequence[str]) -> str:
    """The label of the study that a run came of: what stands before its number or values."""
    either = "|".join(re.escape(key) for key in keys)
    return re.split(rf"\.(?:{either or '(?!)'})-|\.trial-\d+$|\.\d+$", run)[0]


def _plain(column: "pd.Series[Any]") -> list[Any]:
    """Numbers where all are, else text."""
    numbers = pd.to_numeric(column, errors="coerce")
    truths = column.dtype == bool
    if truths or numbers.isna().any():
        return [str(value) for value in column.fillna("none")]
    return [float(value) for value in numbers]


def _together(varied: Mapping[str, list[Any]], ranges: Mapping[str, str]) -> list[list[str]]:
    """Keys that part the runs alike are one; a searched range stands for itself."""
    groups: dict[Any, list[str]] = {}
    for key, values in varied.items():
        parts = key if key in ranges else tuple(pd.factorize(np.array(values))[0])
        groups.setdefault(parts, []).append(key)
    return list(groups.values())


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
