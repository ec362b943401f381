"""A summary of the results of a study, in a few lines for the terminal."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

MOST_FAILURES = 20
"""Maximum number of failed runs in the summary."""

SHELVES = ("runs", "baselines")

LONGEST = 200
"""Maximum number of characters of a reason on the terminal."""


def ending(study: Path) -> Iterator[str]:
    """One line per failed run, then the counts, from the tables of a study."""
    runs = _rows(study / "runs.csv")
    if not runs:
        return
    bad = [row for row in runs if row["status"] not in ("ok", "pending")]
    pending = sum(row["status"] == "pending" for row in runs)
    lines = Counter(map(_line, bad))
    yield from (f"  {line}" for line in list(lines)[:MOST_FAILURES])
    if len(lines) > MOST_FAILURES:
        yield f"  … and {len(lines) - MOST_FAILURES} more; see {study / 'runs.csv'}"
    unscored = [row for row in _rows(study / "unscored.csv") if row["status"] == "failed"]
    for metric, count in Counter(row["metric"] for row in unscored).items():
        yield f"  metric {metric} failed {count} times; see {study / 'unscored.csv'}"
    if pending:
        yield f"{pending} of {len(runs)} replicates are not finished yet"
    good = len(runs) - len(bad) - pending
    yield f"{good} of {len(runs)} replicates succeeded; see {study / 'report.html'}"


def failed_by_themselves(study: Path) -> list[Path]:
    """The folders of failed runs; Snakemake does not repeat these runs while the folders exist."""
    bad = [row for row in _rows(study / "runs.csv") if row["status"] not in ("ok", "pending")]
    parts = ("dataset", "task", "split", "run")
    folders = [Path(shelf, *(row[part] for part in parts)) for row in bad for shelf in SHELVES]
    return [study / folder for folder in dict.fromkeys(folders) if (study / folder).is_dir()]


def _line(row: dict[str, str]) -> str:
    """The line of a replicate, identical for replicates with the same reason."""
    where = {
        "fetch": row["dataset"],
        "prepare": row["dataset"],
        "make_problem": f"{row['task']} on {row['dataset']}",
    }.get(row["stage"], f"{row['run']} on {row['dataset']}, {row['task']}, split {row['split']}")
    reason = row["reason"]
    short = reason if len(reason) <= LONGEST else f"{reason[:LONGEST]} …"
    return f"{row['status']} ({row['stage']}): {where}: {short}"


def _rows(table: Path) -> list[dict[str, str]]:
    if not table.is_file():
        return []
    csv.field_size_limit(2**27)
    with table.open(newline="", encoding="utf8") as file:
        return list(csv.DictReader(file))
