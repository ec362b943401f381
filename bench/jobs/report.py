"""Write the report of a study."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.core.files import read_json
from bench.jobs.gather import locked, write_tables
from bench.jobs.logged import logged
from bench.reports._page import render
from bench.results import layout
from bench.results.records import digests, find_record, write_record


@logged
def report(page: str, page_files: list[str], key: str) -> None:
    """Write the report of a study after all tables were written.

    ``page_files`` were made of its runs.
    """
    study = Path(page).parent
    with locked(study):
        render(study, Path(page), [Path(path) for path in page_files])
    files = digests((study / layout.REPORTED).parent, [f"../{Path(page).name}"])
    write_record(study / layout.REPORTED, {"key": key, "files": files})


def report_so_far(plan: Path, root: Path, ended: bool) -> Path:
    """Write tables and report of the finished results; Snakemake replaces them at the end.

    ``ended`` means that no job is running, so that replicates without results have failed.
    """
    planned = read_json(plan)
    study = layout.study_folder(planned["name"])
    (study / layout.REPORTED).unlink(missing_ok=True)
    made = [path for path in _page_files(planned, study) if find_record(layout.page_record(path))]
    (study / "records").mkdir(exist_ok=True)
    with locked(study):
        write_tables(planned, study, root, ended)
        render(study, study / "report.html", made)
    return study / "report.html"


def _page_files(planned: Mapping[str, Any], study: Path) -> Iterator[Path]:
    for run in planned["runs"]:
        for name in run["page_files"]:
            yield study / layout.run_folder(run) / name


def main(plan: str, root: str) -> None:
    """Main function; Snakemake calls this script if jobs failed."""
    print(f"Report of finished results: {report_so_far(Path(plan), Path(root), True)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
