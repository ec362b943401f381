"""The layout of the folder of a study.  The rules of the workflow contain the same paths.

::

    results/<study>/data/<dataset>.h5ad, .json
    results/<study>/problems/<dataset>/<task>/<split>.npz, .json
    results/<study>/runs/<dataset>/<task>/<split>/<run>/       baselines/ for baselines
        run.yaml  status.json  readouts.json  scores.json      records of the run
        seed-<n>/                                              files of one replicate
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path("results")

STATUS, READOUTS, SCORES = "status.json", "readouts.json", "scores.json"
OF_A_RUN = (STATUS, READOUTS, SCORES)
"""Records of a run: trained, read out, scored."""

SETTINGS = "run.yaml"
"""All settings of the jobs of a run, the only settings that a child process reads."""

WEIGHTS, CURVE, ARRAYS = "weights.safetensors", "curve.parquet", "readouts.npz"
"""Files of one replicate."""

RESULT = "result.json"
"""Result of a child process for one replicate: status, reason, costs and others."""

VALIDATION = "validation.json"
"""Validation values, by which a search selects a trial."""

GATHERED, REPORTED = "records/gather.json", "records/report.json"
CHECKED = "records/check_failures.json"
"""Records of the tables, of the page, and of a strict study without failures."""


def study_folder(name: str) -> Path:
    """The folder of the results of a study."""
    return RESULTS / name


def data_file(dataset: str) -> Path:
    """The prepared cells of a dataset, below the study's folder; its record ends in ``.json``."""
    return Path("data", f"{dataset}.h5ad")


def problem_file(dataset: str, task: str, split: int | str) -> Path:
    """A problem, below the folder of the study; its record ends in ``.json``."""
    return Path("problems", dataset, task, f"{split}.npz")


def shelf_folder(shelf: str) -> str:
    """The folder of the runs of variants, or of baselines."""
    return "runs" if shelf == "models" else "baselines"


def run_folder(run: Mapping[str, Any]) -> Path:
    """The folder of a run, below the folder of the study."""
    folders = (run["dataset"], run["task"], str(run["split"]), run["run"])
    return Path(shelf_folder(run["shelf"]), *folders)


def seed_folder(folder: Path, seed: int | str) -> Path:
    """The folder of one replicate of the run in ``folder``."""
    return Path(folder, f"seed-{seed}")


def record_of(path: Path) -> Path:
    """The record of a result file, in the same folder."""
    return Path(path).with_suffix(".json")


def page_record(path: Path) -> Path:
    """The record of a page file of a run, in the same folder: ``treatments.csv.json``."""
    return Path(path).with_name(f"{Path(path).name}.json")


def fetched_record(dataset: str) -> Path:
    """The record of the downloads of a dataset, which all studies share."""
    return Path("resources", dataset, "fetched.json")


def log_of(stage: str, run: Mapping[str, Any]) -> Path:
    """The log of a job that a run depends on, below the folder of the study."""
    parts = {
        "fetch": [run["dataset"]],
        "prepare": [run["dataset"]],
        "make_problem": [run["dataset"], run["task"], str(run["split"])],
    }.get(stage, [run["dataset"], run["task"], str(run["split"]), run["run"]])
    shelf = [shelf_folder(run["shelf"])] if stage == "score" else []
    return Path("logs", stage, *shelf, *parts[:-1], f"{parts[-1]}.txt")


def failure_note(log: Path) -> Path:
    """The note with the reason of a failed job, next to its log; a successful job removes it."""
    return Path(log).with_suffix(".failure.json")
