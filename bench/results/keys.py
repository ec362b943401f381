"""Parameters of the jobs of a run, and the keys of their results.

A key is a digest of all inputs: the content of the data, the settings, the sources.  It identifies
a result independently of its name.  A change of its parameters runs a job again, so the parameters
of training do not include metrics.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.results.records import digest_of

Row = dict[str, Any]

NAMES = ("run", "dataset", "task", "split", "shelf", "seeds", "deterministic")
"""The location of a run, and its requested replicates."""


def key_of(*parts: Any) -> str:
    """A short digest of plain data."""
    return digest_of({"parts": parts})[:24]


def dataset_key(dataset: Mapping[str, Any]) -> str:
    """Key of a dataset: loader, parameters, sources, and the content of the user's files.

    The key does not depend on the paths of the files.
    """
    config = {name: value for name, value in dataset["config"].items() if name != "path"}
    contents = sorted(dataset["contents"].values())
    codes = (dataset["code"], dataset["fetch_code"])
    return key_of("dataset", dataset["dataset"], config, contents, codes)


def problem_key(label: str, data: str, task: Mapping[str, Any], split: int) -> str:
    """Key of a problem that is made from data with this key.

    It includes the label of the dataset, which is part of the address of the split's seed.
    """
    return key_of("problem", label, data, task["task"], task["config"], task["code"], split)


def with_keys(run: Mapping[str, Any], data: str, problem: str) -> Row:
    """A run of the plan with the keys of its jobs, from the keys of its data and its problem."""
    code = run["code"]
    train = key_of("train", problem, run["config"], run["training"], code["train"])
    if run["shelf"] == "baselines":
        train = key_of("fit", problem, run["config"], run["readouts"], code["train"])
        read = train
    else:
        asked = (run["readouts"], run.get("selects_by"))
        read = key_of("read_out", train, *asked, code["readout"])
    score = key_of("score", read, run["metrics"], code["score"])
    keys = {"data": data, "problem": problem, "train": train, "read_out": read, "score": score}
    return {**run, "keys": keys}


def train_params(run: Mapping[str, Any]) -> Row:
    """Parameters of the job that trains a variant."""
    return _only(run, (*NAMES, "file", "config", "training"), ("problem", "train"), "train")


def fit_params(run: Mapping[str, Any]) -> Row:
    """Parameters of the fit of a baseline; a deterministic one is fitted once for all seeds."""
    given = _only(run, (*NAMES, "file", "config", "readouts"), ("problem", "train"), "train")
    return _once(given)


def read_out_params(run: Mapping[str, Any]) -> Row:
    """Parameters of the job that computes the readouts of a variant."""
    names = (*NAMES, "file", "config", "training", "readouts", "selects_by")
    return _only(run, names, ("problem", "train", "read_out"), "readout")


def score_params(run: Mapping[str, Any]) -> Row:
    """Parameters of the job that scores a run."""
    given = _only(run, (*NAMES, "metrics"), ("problem", "read_out", "score"), "score")
    return _once(given)


def fitted_seeds(run: Mapping[str, Any]) -> list[int]:
    """The replicates that have files: a deterministic run has one, with seed 0."""
    return [0] if run["deterministic"] else list(run["seeds"])


def _once(run: Row) -> Row:
    return run | {"seeds": fitted_seeds(run)}


def _only(run: Mapping[str, Any], names: Iterable[str], keys: Iterable[str], code: str) -> Row:
    given = {name: run[name] for name in names if name in run}
    given["code"] = run["code"][code]
    return given | {"keys": {name: run["keys"][name] for name in keys}}
