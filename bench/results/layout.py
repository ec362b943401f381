"""Where everything lies in a study's folder.  The rules of the workflow spell the same paths.

::

    results/<study>/data/<dataset>.h5ad, .json
    results/<study>/problems/<dataset>/<task>/<split>.npz, .json
    results/<study>/runs/<dataset>/<task>/<split>/<run>/       baselines/ for baselines
        run.yaml  status.json  readouts.json  scores.json      records of the run
        seed-<n>/                                              what belongs to one replicate
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path("results")

STATUS, READOUTS, SCORES = "status.json", "readouts.json", "scores.json"
OF_A_RUN = (STATUS, READOUTS, SCORES)
"""Records of a run: trained, read out, scored."""

SETTINGS = "run.yaml"
"""All that a job of a run is given; its child reads nothing else."""

WEIGHTS, CURVE, ARRAYS = "weights.safetensors", "curve.parquet", "readouts.npz"
"""Files of one replicate."""

RESULT = "result.json"
"""What a child says of one replicate: status, reason, costs and whatever else there is."""

VALIDATION = "validation.json"
"""What a search may select a trial by."""

GATHERED, REPORTED = "records/gather.json", "records/report.json"
CHECKED = "records/check_failures.json"
"""Records of the tables, of the page, and of a strict study without failures."""


def study_folder(name: str) -> Path:
    """Where a study's results lie."""
    return RESULTS / name


def data_file(dataset: str) -> Path:
    """The prepared cells of a dataset, below the study's folder; its record ends in ``.json``."""
    return Path("data", f"{dataset}.h5ad")


def problem_file(dataset: str, task: str, split: int | str) -> Path:
    """What every competitor is given, below the study's folder; its record ends in ``.json``."""
    return Path("problems", dataset, task, f"{split}.npz")


def shelf_folder(shelf: str) -> str:
    """The folder of variants' runs or of baselines."""
    return "runs" if shelf == "models" else "baselines"


def run_folder(run: Mapping[str, Any]) -> Path:
    """Where a run lives below its study's folder."""
    folders = (run["dataset"], run["task"], str(run["split"]), run["run"])
    return Path(shelf_folder(run["shelf"]), *folders)


def seed_folder(folder: Path, seed: int | str) -> Path:
    """What belongs to one replicate of the run in ``folder``."""
    return Path(folder, f"seed-{seed}")


def record_of(path: Path) -> Path:
    """The record beside a result file."""
    return Path(path).with_suffix(".json")


def page_record(path: Path) -> Path:
    """The record beside a file that was made of a run for the report: ``treatments.csv.json``."""
    return Path(path).with_name(f"{Path(path).name}.json")


def fetched_record(dataset: str) -> Path:
    """The record of a dataset's downloads, which all studies share."""
    return Path("resources", dataset, "fetched.json")


def log_of(stage: str, run: Mapping[str, Any]) -> Path:
    """The log of a job that a run depends on, below the study's folder."""
    parts = {
        "fetch": [run["dataset"]],
        "prepare": [run["dataset"]],
        "make_problem": [run["dataset"], run["task"], str(run["split"])],
    }.get(stage, [run["dataset"], run["task"], str(run["split"]), run["run"]])
    shelf = [shelf_folder(run["shelf"])] if stage == "score" else []
    return Path("logs", stage, *shelf, *parts[:-1], f"{parts[-1]}.txt")


def failure_note(log: Path) -> Path:
    """Why a job failed, beside its log; the job that ends well removes it."""
    return Path(log).with_suffix(".failure.json")
