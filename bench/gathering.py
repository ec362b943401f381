"""From the records of all runs of a study to its tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.catalogue import card
from bench.core.files import read_json, replacing, write_json
from bench.core.rows import METRICS, SEARCH
from bench.plan import Plan, plan_table
from bench.reports.collect import collect, data_record, ranking
from bench.reports.differences import table as differences_table
from bench.reports.provenance import surroundings
from bench.reports.tables import read
from bench.search.trials import runs_of, trials_file


def write_tables(plan: Path, study: Path, root: Path) -> None:
    """All tables of a study; its trials are runs like all others."""
    planned = read_json(plan)
    searches = planned["searches"]
    planned["runs"] += [run for one in searches for run in runs_of(study, one, planned["splits"])]
    scores, runs = collect(study, planned["runs"])
    tables = {
        "scores": scores,
        "runs": runs,
        "plan": pd.DataFrame(plan_table(Plan(**planned))),
        "metrics": pd.DataFrame(planned["metrics"].values(), columns=list(METRICS)),
    }
    # A table of what the study no longer asks for must not stay.
    for name in ("search", "differences"):
        (study / f"{name}.csv").unlink(missing_ok=True)
    if searches:
        tables["search"] = search_table([read_json(study / trials_file(one)) for one in searches])
    for name, table in tables.items():
        _write(table, study / f"{name}.csv")
    with replacing(study / "scores.parquet") as part:
        scores.to_parquet(part, index=False)
    write_json(study / "provenance.json", _record(planned, study) | surroundings(root))
    if reference := planned["resolved"]["reference"]:
        _write(differences_table(read(study), reference), study / "differences.csv")


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as part:
        table.to_csv(part, index=False)


def search_table(concluded: Sequence[Sequence[dict[str, Any]]]) -> pd.DataFrame:
    """``search.csv``: a row per trial of all searches, with a column per searched parameter."""
    rows = [row for rows in concluded for row in rows]
    searched = dict.fromkeys(key for row in rows for key in row["parameters"])
    full = [row | {key: row["parameters"].get(key) for key in searched} for row in rows]
    # As objects: whole numbers stay whole beside searches that do not have them.
    return pd.DataFrame(full, columns=[*SEARCH, *searched], dtype=object)


def _record(planned: dict[str, Any], study: Path) -> dict[str, Any]:
    """What the report must know beside the tables."""
    datasets, tasks = planned["datasets"], planned["tasks"]
    return {
        "study": {name: planned[name] for name in ("name", "title", "resolved")},
        "skipped": planned["skipped"],
        "ranked_by": {
            name: ranking(card("tasks", row["task"]).ranked_by, name, planned)
            for name, row in tasks.items()
        },
        "data": {
            name: data_record(study / "data" / f"{name}.h5ad", card("data", row["dataset"]))
            for name, row in datasets.items()
        },
    }
