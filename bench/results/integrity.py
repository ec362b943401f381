"""Check of all results before any job starts: do they match the plan, and are they undamaged?

The record of each job lists its inputs.  If a file is damaged, missing, or made from other inputs,
this module removes its record, and Snakemake, for which all records are targets, runs the job
again.  The job itself keeps its valid replicates.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.core.files import PART
from bench.results import layout
from bench.results.digests import Digests
from bench.results.keys import fitted_seeds
from bench.results.records import Damaged, Record, digest_of, find_record, read_record

Row = Mapping[str, Any]
Keyed = Iterable[tuple[Path, str | None]]


def repair(
    study: Path, runs: Iterable[Row], others: Keyed, digests: Digests, remove: bool = True
) -> list[str]:
    """Remove every invalid record; returns a message for each damaged file.

    ``runs`` are rows of the plan, including trials; ``others`` are further records with their
    required keys, None for any key.  Undamaged records with other settings or changed inputs are
    removed without a message.  Without ``remove`` no record is removed.
    """
    check, planned = _Check(Path(study), digests, remove), list(runs)
    for run in planned:
        check.run(run)
    for record, key in others:
        check.alone(Path(record), key)
    check.tables(made_from(study, planned))
    return check.damages


def made_from(study: Path, runs: Iterable[Row]) -> str:
    """A digest of the records of all these runs, the input of the tables of a study."""
    paths = sorted(layout.run_folder(run) / name for run in runs for name in layout.OF_A_RUN)
    found = {path: find_record(Path(study) / path) for path in paths}
    return digest_of({str(path): one and one["digest"] for path, one in found.items()})


def remove_parts(study: Path) -> None:
    """Remove remains of interrupted jobs: files with temporary names, folders of attempts."""
    from shutil import rmtree

    for path in list(Path(study).rglob(f".*{PART}")):
        rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class _Check:
    """A check of all records of a study."""

    def __init__(self, study: Path, digests: Digests, remove: bool) -> None:
        self.study, self.digests, self.remove = study, digests, remove
        self.damages: list[str] = []
        self.problems: dict[tuple[str, str, int], str | None] = {}

    def alone(self, path: Path, key: str | None = None) -> Record | None:
        """Check a record and its files, independent of its inputs."""
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

    def tables(self, made_from: str) -> None:
        """Check the record of the tables, whose inputs must be these results."""
        record = find_record(self.study / layout.GATHERED)
        if record and record.get("made_from") != made_from:
            self._remove(self.study / layout.GATHERED)
        page = self.study / layout.REPORTED
        if page.is_file() and not (self.study / layout.GATHERED).is_file():
            self._remove(page)

    def _follows(self, record: Record) -> bool:
        """Whether its input records, by their paths in the study, are unchanged."""
        above = {Path(path): digest for path, digest in record.get("above", {}).items()}
        found = {path: find_record(self.study / path) for path in above}
        return all((one := found[path]) and one["digest"] == above[path] for path in above)

    def run(self, run: Row) -> None:
        """Check the three records of a run: the inputs of each are the results of earlier
        stages."""
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
        """The digest of the problem of a run; None without a valid problem."""
        problem_key = (run["dataset"], run["task"], run["split"])
        if problem_key not in self.problems:
            cells = layout.record_of(layout.data_file(run["dataset"]))
            data = self.alone(self.study / cells, run["keys"]["data"])
            path = self.study / layout.record_of(layout.problem_file(*problem_key))
            record = self.alone(path, run["keys"]["problem"])
            if record and data and record["inputs"] != {"data": data["digest"]}:
                self._remove(path)
                record = None
            self.problems[problem_key] = record["digest"] if record else None
        return self.problems[problem_key]

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
        if self.remove:
            path.unlink(missing_ok=True)
        if damage:
            self.damages.append(damage)
