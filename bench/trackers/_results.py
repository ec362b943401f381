"""A finished study for trackers: one record per replicate, read from the result files.

A replicate is one seed of one run on one split of one task of one dataset.  Failed replicates also
have a record, with status and reason.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.core.files import read_json
from bench.core.rows import RUN_KEYS, RUNS
from bench.results.tables import read_curves

TABLES = ("scores.csv", "runs.csv", "unscored.csv", "plan.csv", "metrics.csv", "provenance.json")
"""Tables of every study."""

SOMETIMES = ("search.csv", "differences.csv")
"""Optional tables: of searches, and of differences from the reference."""

PAGE = "report.html"

COORDINATES = ("dataset", "task", "split", "run")
DESCRIPTION = ("model", "kind", "role")
"""Columns of the plan that describe a run; except for its label, the others are parameters."""

OUTCOME = ("status", "stage", "reason")

NAMES = {"dataset", "task", "run", "model", "kind", "role", "label", "metric", *OUTCOME}


Row = Mapping[str, Any]


class Point(NamedTuple):
    """The values of a curve at one step."""

    step: int
    epoch: int
    values: dict[str, float]
    """``train/<term>`` and ``validation/<term>``, as in :data:`bench.core.rows.CURVES`."""


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """The record of one replicate."""

    tags: Mapping[str, Any]
    """dataset, task, split, run, model, kind, role, seed."""
    parameters: Mapping[str, Any]
    """Hyperparameters and training keys that apply to the run."""
    status: str
    reason: str
    costs: Mapping[str, Any]
    scores: Mapping[str, float]
    """Metric -> value, raw."""
    curve: tuple[Point, ...]
    """In the order of steps; empty for baselines."""

    @property
    def name(self) -> str:
        """Its path in the folder of results, with its seed."""
        return "/".join(str(self.tags[key]) for key in (*COORDINATES, "seed"))


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A study with complete tables and report."""

    folder: Path
    name: str
    provenance: Mapping[str, Any]

    @property
    def files(self) -> list[Path]:
        """The tables and the page."""
        more = [name for name in SOMETIMES if (self.folder / name).is_file()]
        return [self.folder / name for name in (*TABLES, *more, PAGE)]

    def scores(self) -> pd.DataFrame:
        """Columns :data:`bench.core.rows.SCORES`."""
        return _table(self.folder / "scores.csv")

    def replicates(self) -> Iterator[Replicate]:
        """An iterator, so that memory holds the curves of one run only."""
        scores = dict(list(self.scores().groupby([*COORDINATES])))
        runs: dict[tuple[Any, ...], list[Row]] = {}
        for state in _rows(self.folder / "runs.csv"):
            runs.setdefault(_place(state), []).append(state)
        for row in _rows(self.folder / "plan.csv"):
            mine, states = scores.get(_place(row)), runs[_place(row)]
            seeds = [int(state["seed"]) for state in states]
            curve = read_curves(self.folder.joinpath("runs", *map(str, _place(row))), seeds)
            for state in states:
                yield _replicate(row, state, mine, curve)


def finished(folder: Path) -> Finished:
    """The study in a folder of results."""
    provenance = read_json(folder / "provenance.json")
    return Finished(folder=folder, name=provenance["study"]["name"], provenance=provenance)


def digest_of(study: str, replicate: Replicate) -> str:
    """A digest of the content, by which a tracker recognises unchanged replicates."""
    identity = json.dumps([study, asdict(replicate)], sort_keys=True, default=str)
    return sha256(identity.encode()).hexdigest()[:20]


def _replicate(
    row: Row,
    state: Row,
    scores: pd.DataFrame | None,
    curve: pd.DataFrame | None,
) -> Replicate:
    known = {*COORDINATES, *DESCRIPTION, "label"}
    seed = int(state["seed"])
    costs = {key: state[key] for key in RUNS if key not in {*RUN_KEYS, *OUTCOME}}
    return Replicate(
        tags={key: row[key] for key in (*COORDINATES, *DESCRIPTION)} | {"seed": seed},
        parameters=_present({key: value for key, value in row.items() if key not in known}),
        status=state["status"],
        reason=state["reason"],
        costs=_present(costs),
        scores=_scores(scores, seed),
        curve=_points(curve, seed),
    )


def _scores(scores: pd.DataFrame | None, seed: int) -> dict[str, float]:
    if scores is None:
        return {}
    mine = scores[scores["seed"] == seed]
    return {metric: float(v) for metric, v in zip(mine["metric"], mine["value"], strict=True)}


def _points(curve: pd.DataFrame | None, seed: int) -> tuple[Point, ...]:
    if curve is None:
        return ()
    mine = curve.loc[curve["seed"] == seed, ["step", "epoch", "part", "term", "value"]]
    found: dict[tuple[int, int], dict[str, float]] = {}
    for step, epoch, part, term, value in mine.itertuples(index=False):
        found.setdefault((int(step), int(epoch)), {})[f"{part}/{term}"] = float(value)
    return tuple(Point(*where, values) for where, values in sorted(found.items()))


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not pd.isna(value)}


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[column] for column in COORDINATES)


def _rows(path: Path) -> list[Row]:
    """The rows of a table as plain values; integers remain integers despite missing values."""
    table = _table(path).convert_dtypes().astype(object)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _table(path: Path) -> pd.DataFrame:
    """A table with names as text, even if they look like numbers or missing values."""
    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(
        path,
        dtype={name: str for name in header if name in NAMES},
        keep_default_na=False,
        na_values={name: [""] for name in header if name not in NAMES},
        float_precision="round_trip",
    )
