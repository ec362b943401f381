"""The tables of a study, as plain data in a fixed order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, nan
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core import rows
from bench.core.errors import Finding, UserError, mistake
from bench.core.files import read_json
from bench.core.metric import Direction
from bench.results import layout
from bench.results.statistics import Unit

PLAN = ("run", "kind", "model", "label", "role", "dataset", "task", "split")
"""The fixed columns of ``plan.csv``; hyperparameters follow."""

Curve = Callable[[str, str, int, str], pd.DataFrame | None]
"""(dataset, task, split, run) -> rows of :data:`bench.core.rows.CURVES`, or None."""


@dataclass(frozen=True)
class Results:
    """All inputs of the report.  The order of rows does not matter."""

    scores: pd.DataFrame
    """Columns :data:`bench.core.rows.SCORES`."""
    runs: pd.DataFrame
    """Columns :data:`bench.core.rows.RUNS`."""
    plan: pd.DataFrame
    """Columns :data:`PLAN` and more."""
    metrics: pd.DataFrame
    """Columns :data:`bench.core.rows.METRICS`."""
    ranked_by: Mapping[str, str]
    """Task -> the metric that sorts its leaderboard."""
    provenance: Mapping[str, Any]
    controls: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Task -> ``floors`` and ``ceilings`` of its card, between which its scores are scaled."""
    curve: Curve = field(default=lambda dataset, task, split, run: None)
    page_files: Sequence[Path] = ()
    """Files ``<dataset>/<task>/<split>/<run>/<name>`` of single runs for the page; empty for runs
    without readouts."""
    search: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(rows.SEARCH)))
    """Columns :data:`bench.core.rows.SEARCH` and searched parameters; empty without a search."""
    unscored: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(rows.UNSCORED))
    )
    """Columns :data:`bench.core.rows.UNSCORED`."""
    differences: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(rows.DIFFERENCES))
    )
    """Columns :data:`bench.core.rows.DIFFERENCES`; empty if the study has no reference."""

    @cached_property
    def values(self) -> Mapping[tuple[str, str, str, str], Mapping[Unit, float]]:
        """(dataset, task, run, metric) -> (split, seed) -> score; existing scores only."""
        found: dict[tuple[str, str, str, str], dict[Unit, float]] = {}
        columns = ["dataset", "task", "run", "metric", "split", "seed", "value"]
        scores = self.scores[columns].replace([inf, -inf], nan).dropna()
        for data, task, run, metric, split, seed, value in scores.itertuples(index=False):
            units = found.setdefault((data, task, run, metric), {})
            units[int(split), int(seed)] = float(value)
        return found

    @cached_property
    def searched(self) -> Mapping[tuple[str, str, str], str]:
        """(dataset, task, run) of every trial -> its search."""
        keys = [self.search[name] for name in ("dataset", "task", "run", "search")]
        return {(d, t, run): search for d, t, run, search in zip(*keys, strict=True)}

    @cached_property
    def competitors(self) -> pd.DataFrame:
        """The plan without unselected trials, which leaderboards do not show."""
        chosen = self.search.loc[self.search["selected"].astype(bool), ["dataset", "task", "run"]]
        selected = set(chosen.itertuples(index=False, name=None))
        places = self.plan[["dataset", "task", "run"]].itertuples(index=False, name=None)
        shown = [one in selected or one not in self.searched for one in places]
        return self.plan[pd.Series(shown, index=self.plan.index, dtype=bool)]

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        """(task, dataset) of the plan, tasks first."""
        return sorted(set(zip(self.plan["task"], self.plan["dataset"], strict=True)))

    @cached_property
    def n_seeds(self) -> int:
        """Replicates of every run: from the study, or from the table of runs."""
        seeds = self.resolved.get("seeds")
        if isinstance(seeds, list):
            return len(seeds)
        return seeds if isinstance(seeds, int) else int(self.runs["seed"].nunique())

    @property
    def study(self) -> Mapping[str, Any]:
        """Name, title and the resolved study, from the provenance."""
        study: Mapping[str, Any] = self.provenance.get("study", {})
        return study

    @property
    def resolved(self) -> Mapping[str, Any]:
        """The study with expanded lists and all defaults."""
        resolved: Mapping[str, Any] = self.study.get("resolved", {})
        return resolved

    def has(self, name: str) -> bool:
        """Whether a table has rows, or some run has a non-empty file of that name.

        Tables are the optional ones: ``search``, ``differences`` and ``unscored``.
        """
        tables = {
            "search": self.search,
            "differences": self.differences,
            "unscored": self.unscored,
        }
        if name in tables:
            return not tables[name].empty
        return any(path.name == name and path.stat().st_size for path in self.page_files)

    def files(self, dataset: str, task: str, name: str) -> dict[str, list[Path]]:
        """Run -> the non-empty files of that name, by split."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self.page_files, key=lambda path: int(path.parts[-3])):
            *_, of_dataset, of_task, _, run, file = path.parts
            if (of_dataset, of_task, file) == (dataset, task, name) and path.stat().st_size:
                found.setdefault(run, []).append(path)
        return found

    def sound(self, metric: str) -> bool:
        """Whether a metric may rank."""
        return str(self.fact(metric, "sound", True)) == "True"

    def better(self, metric: str) -> Direction:
        """The direction of a metric."""
        return "lower" if self.fact(metric, "better", "higher") == "lower" else "higher"

    def fact(self, metric: str, column: str, otherwise: Any = "") -> Any:
        """A field of a metric in the table of metrics."""
        found = self.metrics.loc[self.metrics["metric"] == metric, column]
        return otherwise if found.empty or pd.isna(found.iloc[0]) else found.iloc[0]


def read(folder: Path, page_files: Sequence[Path] = ()) -> Results:
    """Read the tables of a study and list the page files of its runs.

    Raises :class:`UserError` if tables or columns are missing.
    """
    tables = {
        name: _table(folder / f"{name}.csv", columns)
        for name, columns in {
            "scores": rows.SCORES,
            "runs": rows.RUNS,
            "plan": PLAN,
            "metrics": rows.METRICS,
        }.items()
    }
    if not (folder / "provenance.json").is_file():
        raise mistake(str(folder / "provenance.json"), None, "is missing", "gather the study first")
    provenance = read_json(folder / "provenance.json")

    seeds = sorted(set(tables["runs"]["seed"]))

    def curve(dataset: str, task: str, split: int, run: str) -> pd.DataFrame | None:
        return read_curves(folder / "runs" / dataset / task / str(split) / run, seeds)

    sometimes = {
        "search": rows.SEARCH,
        "differences": rows.DIFFERENCES,
        "unscored": rows.UNSCORED,
    }
    for name, columns in sometimes.items():
        if (folder / f"{name}.csv").is_file():
            tables[name] = _table(folder / f"{name}.csv", columns)
    return Results(
        **tables,
        ranked_by=provenance.get("ranked_by", {}),
        controls=provenance.get("controls", {}),
        provenance=provenance,
        curve=curve,
        page_files=page_files,
    )


def read_curves(run: Path, seeds: Iterable[int]) -> pd.DataFrame | None:
    """The curves of these replicates of a run, rows of :data:`bench.core.rows.CURVES`, or None."""
    paths = [layout.seed_folder(run, seed) / layout.CURVE for seed in seeds]
    found = [pd.read_parquet(path) for path in paths if path.is_file()]
    return pd.concat(found, ignore_index=True) if found else None


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise mistake(str(path), None, "is missing", "gather the study first")
    names = {"dataset", "task", "run", "model", "label", "metric", "measure", "device", "unit"}
    names |= {"status", "stage", "reason"}
    names |= {"search", "better"} if "search" in columns else set()
    names |= {"reference"} if "difference" in columns else set()
    texts = dict.fromkeys(names & set(columns), str)
    # A dataset named "NA" is not a missing value; only empty numbers are.
    table = pd.read_csv(
        path,
        dtype=texts,
        keep_default_na=False,
        na_values=_holes(columns, names),
        float_precision="round_trip",
    )
    missing = [column for column in columns if column not in table]
    if missing:
        found = [Finding(f"{path}: {column}", None, "column is missing") for column in missing]
        raise UserError("A table of the study is not what it should be:", found)
    return table


def _holes(columns: tuple[str, ...], names: set[str]) -> dict[str, list[str]]:
    return {column: ["", "nan", "NaN"] for column in columns if column not in names}
