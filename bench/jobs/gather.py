"""Write all tables of a study from the records of its runs."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from bench.catalogue import card
from bench.core.errors import Finding, UserError
from bench.core.files import read_json, replacing, write_json
from bench.core.rows import METRICS, SEARCH
from bench.jobs.logged import logged
from bench.jobs.sources import Sources
from bench.planning.plan_record import Plan, plan_table
from bench.planning.search.trials import runs_of, trials_file
from bench.results import layout
from bench.results.collect import (
    collect,
    data_record,
    ranking,
    remarks_of,
    with_plain_reasons,
)
from bench.results.differences import table as differences_table
from bench.results.integrity import made_from
from bench.results.provenance import surroundings
from bench.results.records import digests, find_record, write_record
from bench.results.tables import PLAN, read

Row = dict[str, Any]

SOMETIMES = ("search", "differences")
"""Optional tables."""


@logged
def gather(plan: str, scores: str, key: str, root: str) -> None:
    """Write the tables of a finished study; raises UserError for results of another plan."""
    study = Path(scores).parent
    planned = read_json(Path(plan))
    with locked(study):
        missing = write_tables(planned, study, Path(root), ended=True)
    if missing:
        findings = [Finding(one, None, "missing, damaged, or from another plan") for one in missing]
        raise UserError(
            "Some results do not agree with the plan; run the same command again:", findings
        )
    Sources("gather", (), planned["code"]["gather"]).need_planned()
    tables = [f"../{path.name}" for path in sorted(study.glob("*.csv"))]
    names = [*tables, "../scores.parquet", "../provenance.json"]
    folder = (study / layout.GATHERED).parent
    proof = {"key": key, "made_from": made_from(study, planned["runs"])}
    write_record(study / layout.GATHERED, proof | {"files": digests(folder, names)})


@contextmanager
def locked(study: Path) -> Iterator[None]:
    """Locks tables and report: ``python -m bench report`` may run at the same time as a study."""
    with (study / "records" / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_tables(planned: Row, study: Path, root: Path, ended: bool) -> list[str]:
    """Write all tables of a study from the existing results; returns the missing records.

    ``ended`` means that no job is running.  The tables include trials as runs after their search
    has selected one of them.
    """
    (study / layout.GATHERED).unlink(missing_ok=True)
    concluded = {path: find_record(study / path) for path in map(trials_file, planned["searches"])}
    done = [one for one in planned["searches"] if concluded[trials_file(one)]]
    planned["runs"] += [run for one in done for run in runs_of(study, one, planned["splits"])]
    collected = collect(study, planned["runs"], ended)
    tables = collected.tables() | {
        "plan": pd.DataFrame(plan_table(Plan(**planned)) or {name: [] for name in PLAN}),
        "metrics": pd.DataFrame(planned["metrics"].values(), columns=list(METRICS)),
    }
    # Remove optional tables that the study no longer requests.
    for name in SOMETIMES:
        (study / f"{name}.csv").unlink(missing_ok=True)
    if planned["searches"]:
        tables["search"] = search_table(
            [record["trials"] for record in concluded.values() if record]
        )
    for name, table in tables.items():
        _write(table, study / f"{name}.csv")
    with replacing(study / "scores.parquet") as part:
        tables["scores"].to_parquet(part, index=False)
    record = _record(planned, study) | surroundings(root)
    write_json(study / "provenance.json", record | {"complete": not collected.missing})
    if reference := planned["resolved"]["reference"]:
        _write(differences_table(read(study), reference), study / "differences.csv")
    return [*collected.missing, *(str(study / path) for path, one in concluded.items() if not one)]


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as part:
        table.to_csv(part, index=False)


def search_table(concluded: Sequence[Sequence[Row]]) -> pd.DataFrame:
    """``search.csv``: a row per trial of all searches, with a column per searched parameter."""
    rows = [row for rows in concluded for row in rows]
    searched = dict.fromkeys(key for row in rows for key in row["parameters"])
    full = [row | {key: row["parameters"].get(key) for key in searched} for row in rows]
    # As objects, so that integers remain integers if other searches lack the parameter.
    table = pd.DataFrame(full, columns=[*SEARCH, *searched], dtype=object)
    return with_plain_reasons(table)


def _record(planned: Row, study: Path) -> Row:
    """Information for the report in addition to the tables."""
    datasets = planned["datasets"]
    tasks = {name: card("tasks", row["task"]) for name, row in planned["tasks"].items()}
    return {
        "study": {name: planned[name] for name in ("name", "title", "resolved")},
        "skipped": planned["skipped"],
        "remarks": remarks_of(study, planned["runs"]),
        "ranked_by": {name: ranking(task.ranked_by, name, planned) for name, task in tasks.items()},
        "controls": {name: asdict(task.controls) for name, task in tasks.items()},
        "data": {
            name: data_record(study / layout.data_file(name), card("data", row["dataset"]))
            for name, row in datasets.items()
        },
    }
