"""Before anything runs: which results are not what the plan asks for, or not as they were written.

The record of each job names what it was made from.  Where a file is damaged, missing, or made from
something else, its record is removed, and Snakemake, which asks for every record, does the job
again.  What is sound below it is kept by the job itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.core.files import PART
from bench.results import layout
from bench.results.digests import Digests
from bench.results.keys import fitted_seeds
from bench.results.records import Damaged, Record, find_record, read_record

Row = Mapping[str, Any]


def repair(study: Path, runs: Iterable[Row], others: Iterable[Path], digests: Digests) -> list[str]:
    """Remove every record that is not sound; returns a sentence for each damaged file.

    ``runs`` are rows of the plan, trials included; ``others`` are further records, each with the
    files that belong to it.  A sound record that was made for other settings goes without a word.
    """
    check = _Check(Path(study), digests)
    for record in others:
        check.alone(Path(record))
    for run in runs:
        check.run(run)
    return check.damages


def remove_parts(study: Path) -> None:
    """Remove what an interrupted writer left: files with temporary names, folders of attempts."""
    from shutil import rmtree

    for path in list(Path(study).rglob(f".*{PART}")):
        rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class _Check:
    """One pass over the records of a study."""

    def __init__(self, study: Path, digests: Digests) -> None:
        self.study, self.digests = study, digests
        self.damages: list[str] = []
        self.problems: dict[tuple[str, str, int], str | None] = {}

    def alone(self, path: Path, key: str | None = None) -> Record | None:
        """A record and its files, whatever it was made from."""
        if not path.is_file():
            return None
        try:
            record = read_record(path)
            self._files(path.parent, record.get("files", {}))
        except Damaged as damage:
            self._remove(path, str(damage))
            return None
        if (key is not None and record.get("key") != key) or not self._follows(record):
            self._remove(path)
            return None
        return record

    def _follows(self, record: Record) -> bool:
        """Whether the records it was made from, by their paths in the study, are still there."""
        above = {Path(path): digest for path, digest in record.get("above", {}).items()}
        found = {path: find_record(self.study / path) for path in above}
        return all((one := found[path]) and one["digest"] == above[path] for path in above)

    def run(self, run: Row) -> None:
        """The three records of a run: each must have been made from what lies above it."""
        folder = self.study / layout.run_folder(run)
        problem = self._problem(run)
        trained = self._stage(folder, layout.STATUS, run, "train", {"problem": problem})
        above = {"problem": problem}
        if run["shelf"] == "models":
            above["status"] = trained["digest"] if trained else None
        read = self._stage(folder, layout.READOUTS, run, "read_out", above)
        above = {"problem": problem, "readouts": read["digest"] if read else None}
        self._stage(folder, layout.SCORES, run, "score", above)

    def _problem(self, run: Row) -> str | None:
        """The digest of a run's problem; None where there is none that is sound."""
        place = (run["dataset"], run["task"], run["split"])
        if place not in self.problems:
            cells = layout.record_of(layout.data_file(run["dataset"]))
            data = self.alone(self.study / cells, run["keys"]["data"])
            path = self.study / layout.record_of(layout.problem_file(*place))
            record = self.alone(path, run["keys"]["problem"])
            if record and data and record["inputs"] != {"data": data["digest"]}:
                self._remove(path)
                record = None
            self.problems[place] = record["digest"] if record else None
        return self.problems[place]

    def _stage(
        self, folder: Path, name: str, run: Row, stage: str, inputs: Mapping[str, str | None]
    ) -> Record | None:
        path = folder / name
        record = self.alone(path, run["keys"][stage])
        if record is None:
            return None
        wanted = {str(seed) for seed in fitted_seeds(run)} if stage == "train" else set()
        if record["inputs"] != inputs or not wanted <= set(record["seeds"]):
            self._remove(path)
            return None
        return record

    def _files(self, folder: Path, files: Mapping[str, str]) -> None:
        for name, expected in files.items():
            found = self.digests.of(folder / name)
            if found != expected:
                what = "is missing" if found is None else "is not as it was written: damaged"
                raise Damaged(f"{folder / name} {what}")

    def _remove(self, path: Path, damage: str = "") -> None:
        path.unlink(missing_ok=True)
        if damage:
            self.damages.append(damage)


def records_of_study(study: Path, plan: Mapping[str, Any]) -> Iterator[Path]:
    """Records that belong to no run: of the tables, the page, searches and page files."""
    study = Path(study)
    yield from (study / layout.GATHERED, study / layout.REPORTED)
    yield from sorted(study.glob("search/*/*/*/*.json"))
    for run in plan["runs"]:
        for name in run["page_files"]:
            yield layout.page_record(study / layout.run_folder(run) / name)
