"""Renders the tables of ``docs/results/*.md`` from the files in ``docs/results/tables/``.

    python benchmarks/render_results.py            # rewrites the pages
    python benchmarks/render_results.py --check    # exit status 1 if a page is not current

A page shows the table NAME between the lines ``<!-- table: NAME -->`` and ``<!-- end -->``.  The
numbers come from one of two files:

- ``NAME.csv``: a summary table as recorded, with the columns as shown.
- ``NAME.yaml``: the definition of a table that is computed from a study's ``scores.csv``::

      scores: scores/default.csv      # relative to the definition
      runs: [mean, nbvae]             # the rows
      columns:                        # title: which scores
        IWELBO: {dataset: pbmc68k_reduced, task: held_out_cells, metric: iwelbo, decimals: 2}

  A value is the mean over seeds, each seed averaged over its splits; the SD is the sample standard
  deviation of those averages.  ``over: split`` exchanges the two.

A column ``X SD`` is shown in the cell of ``X`` as ``mean ± SD``; columns ``X low`` and ``X high``
as an interval.
"""

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

PAGES = Path(__file__).parents[1] / "docs/results"

BLOCK = re.compile(r"^<!-- table: (\w+) -->\n.*?^<!-- end -->$", re.M | re.S)
NUMBER = re.compile(r"([-+]?)(\d+)(\.\d+)?")

KEYS = {"scores", "runs", "columns", "over"}
COLUMN_KEYS = {"dataset", "task", "metric", "decimals"}
UNITS = ("split", "seed")
"""Two scores of a run on one task differ in these."""

Scores = Mapping[tuple[str, ...], Mapping[tuple[str, ...], float]]
"""(dataset, task, run, metric) -> (split, seed) -> value."""


class TableError(Exception):
    """A table that cannot be made; the message names the file and the cause."""


@dataclass(frozen=True)
class Table:
    """Text of a CSV file: every row is as long as the header; an empty cell has no value."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def read_table(name: str, folder: Path) -> Table:
    """The table NAME of a folder, recorded or computed.

    Raises :class:`TableError` if there is no such file, or both, or if it cannot be read.
    """
    recorded, definition = folder / f"{name}.csv", folder / f"{name}.yaml"
    if recorded.exists() == definition.exists():
        raise TableError(f"{folder}: expected one file, {name}.csv or {name}.yaml")
    return recorded_table(recorded) if recorded.exists() else table_of_scores(definition)


def recorded_table(path: Path) -> Table:
    """A summary table as it lies there."""
    with path.open(encoding="utf8", newline="") as file:
        header, *rows = csv.reader(file)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TableError(f"{path}, row {number}: {len(row)} cells, expected {len(header)}")
    return Table(header, rows)


def table_of_scores(path: Path) -> Table:
    """Means and standard deviations of a study's scores, as the definition asks."""
    definition = yaml.safe_load(path.read_text(encoding="utf8"))
    _check_keys(definition, KEYS, KEYS - {"over"}, str(path))
    over = definition.get("over", "seed")
    if over not in UNITS:
        raise TableError(f"{path}: over is {over!r}, expected one of {UNITS}")
    scores = read_scores(path.parent / definition["scores"])
    header, rows = ["run"], [[str(run)] for run in definition["runs"]]
    for title, column in definition["columns"].items():
        _check_keys(column, COLUMN_KEYS, COLUMN_KEYS, f"{path}, column {title!r}")
        header += [str(title), f"{title} SD"]
        for row in rows:
            key = column["dataset"], column["task"], row[0], column["metric"]
            row += _mean_and_sd(scores.get(key, {}), UNITS.index(over), column["decimals"])
        if not any(row[-2] for row in rows):
            raise TableError(f"{path}, column {title!r}: no score of any run")
    for row in rows:
        if not any(row[1:]):
            raise TableError(f"{path}: no score of the run {row[0]!r}")
    return Table(header, rows)


def read_scores(path: Path) -> Scores:
    """The rows of a ``scores.csv``.  Raises :class:`TableError` for a score that is not finite or
    appears twice."""
    scores: dict[tuple[str, ...], dict[tuple[str, ...], float]] = defaultdict(dict)
    with path.open(encoding="utf8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            key = tuple(row[name] for name in ("dataset", "task", "run", "metric"))
            unit, value = tuple(row[name] for name in UNITS), float(row["value"])
            if not isfinite(value) or unit in scores[key]:
                raise TableError(f"{path}, row {number}: not finite, or a score appears twice")
            scores[key][unit] = value
    return scores


def _check_keys(given: Mapping[str, Any], known: set[str], needed: set[str], place: str) -> None:
    unknown, missing = sorted(set(given) - known), sorted(needed - set(given))
    if unknown or missing:
        raise TableError(f"{place}: unknown keys {unknown}, missing keys {missing}")


def _mean_and_sd(
    values: Mapping[tuple[str, ...], float], position: int, decimals: int
) -> tuple[str, str]:
    """Two cells; the second is empty for a single seed (or split), both without values."""
    groups = defaultdict(list)
    for unit, value in values.items():
        groups[unit[position]].append(value)
    means = [mean(group) for group in groups.values()]
    sd = f"{stdev(means):.{decimals}f}" if len(means) > 1 else ""
    return (f"{mean(means):.{decimals}f}" if means else ""), sd


def markdown(table: Table) -> str:
    """The table in Markdown: columns of numbers to the right, ``–`` where there is no value."""
    shown = [name for name in table.header if not _belongs_to_another(name, table.header)]
    cells = [_shown_row(dict(zip(table.header, row, strict=True)), shown) for row in table.rows]
    numeric = [
        all(NUMBER.fullmatch(row[i]) for row in table.rows if row[i])
        for i in map(list(table.header).index, shown)
    ]
    ruler = ["---:" if right else "---" for right in numeric]
    return "".join(f"| {' | '.join(row)} |\n" for row in (shown, ruler, *cells))


def _belongs_to_another(name: str, header: Sequence[str]) -> bool:
    return any(name == f"{one}{end}" for one in header for end in (" SD", " low", " high"))


def _shown_row(row: Mapping[str, str], shown: Sequence[str]) -> list[str]:
    cells = []
    for name in shown:
        sd, low, high = (_pretty(row.get(f"{name}{end}", "")) for end in (" SD", " low", " high"))
        spread = f" ± {sd}" if sd else ""
        interval = f" [{low}, {high}]" if low and high else ""
        cells.append(f"{_pretty(row[name])}{spread}{interval}" or "–")
    return cells


def _pretty(text: str) -> str:
    """A number with a minus sign and thousands set apart; any other text as it is."""
    number = NUMBER.fullmatch(text)
    if not number:
        return text.replace("|", r"\|")
    sign, whole, decimals = number.groups()
    return f"{sign.replace('-', '−')}{int(whole):,}{decimals or ''}"


def rendered(page: str, tables: Path) -> str:
    """A page with all of its tables made from their files."""

    def block(match: re.Match[str]) -> str:
        table = markdown(read_table(match[1], tables))
        return f"<!-- table: {match[1]} -->\n\n{table}\n<!-- end -->"

    return BLOCK.sub(block, page)


def main(arguments: Sequence[str] | None = None, pages: Path = PAGES) -> int:
    """Rewrite the pages of a folder, or check them; the exit status."""
    parser = argparse.ArgumentParser(description="Render the tables of docs/results.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if not current")
    check, status = parser.parse_args(arguments).check, 0
    for path in sorted(pages.glob("*.md")):
        text = path.read_text(encoding="utf8")
        current = rendered(text, pages / "tables")
        if current == text:
            continue
        print(f"{path.name}: {'not current' if check else 'rewritten'}")
        if check:
            status = 1
        else:
            path.write_text(current, encoding="utf8")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
