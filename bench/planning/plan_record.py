"""The plan of a study: a record of plain data that can be read without importing any card."""

from dataclasses import dataclass, fields
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of a study, with JSON types only, so that it can be cached and passed to jobs."""

    name: str
    title: str
    seeds: list[int]
    splits: int
    strict: bool
    datasets: dict[str, Row]
    """By label: dataset, config, contents (sha256 of the user's files by path), remote, provides,
    code, fetch_code."""
    tasks: dict[str, Row]
    """By label: task, config, code."""
    runs: list[Row]
    """One per run, dataset, task and split; see :mod:`bench.planning.plan`."""
    searches: list[Row]
    """One per search, dataset and task: the search space, and ``template``, the common row of all
    its trials as runs; see :mod:`bench.planning.search.trials`."""
    skipped: list[Row]
    """Combinations that do not fit, see :mod:`bench.core.skipped`."""
    metrics: dict[str, Row]
    """By name or path as in the study: the columns of ``metrics.csv``."""
    trackers: dict[str, Row]
    """By label: tracker, config, code."""
    page_files: dict[str, list[str]]
    """Files that are made of single runs for the report -> what they are made from beside the
    readouts; ``page_files`` of a run says which are made of it."""
    code: dict[str, str]
    """Digests of the rules that belong to no run, by rule; of page files by file."""
    resolved: Row
    """The study with its own keys, with lists fanned out and all defaults explicit."""

    def as_data(self) -> dict[str, Any]:
        """The plan as a dictionary of JSON types."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def plan_table(plan: Plan) -> list[Row]:
    """``plan.csv``: a row per run and split, with every hyperparameter and training key.

    ``kind`` is ``models`` or ``baselines``.  All rows have the same columns, with None for
    parameters that a run does not have.
    """
    keys = ("run", "kind", "model", "label", "role", "dataset", "task", "split")
    values = [{**row["config"], **row["training"]} for row in plan.runs]
    columns = dict.fromkeys(name for row in values for name in row)
    return [
        {key: row["shelf" if key == "kind" else key] for key in keys}
        | {name: mine.get(name) for name in columns}
        for row, mine in zip(plan.runs, values, strict=True)
    ]
