"""What each job of a run is given, and the key its result must carry.

A key is a digest of all that lies upstream: the content of the data, the settings, the sources.  It
says what a result is made of, whatever the result is called.  What a job is given is what runs it
again, so training never hears of metrics.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.results.records import digest_of

Row = dict[str, Any]

NAMES = ("run", "dataset", "task", "split", "shelf", "seeds", "deterministic")
"""Where a run lies, and which of its replicates are wanted."""


def key_of(*parts: Any) -> str:
    """A short digest of plain data."""
    return digest_of({"parts": parts})[:24]


def dataset_key(dataset: Mapping[str, Any]) -> str:
    """Of the counts: loader, parameters, sources, and the content of the user's files.

    Where a file lies says nothing of what is in it.
    """
    config = {name: value for name, value in dataset["config"].items() if name != "path"}
    contents = sorted(dataset["contents"].values())
    codes = (dataset["code"], dataset["fetch_code"])
    return key_of("dataset", dataset["dataset"], config, contents, codes)


def problem_key(label: str, data: str, task: Mapping[str, Any], split: int) -> str:
    """Of a problem made from data of this key.

    The dataset's label is a part of the address of the split's seed.
    """
    return key_of("problem", label, data, task["task"], task["config"], task["code"], split)


def with_keys(run: Mapping[str, Any], data: str, problem: str) -> Row:
    """A run of the plan with the keys of its jobs, from those of its data and of its problem."""
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
    """What training a variant is given."""
    return _only(run, (*NAMES, "file", "config", "training"), ("problem", "train"), "train")


def fit_params(run: Mapping[str, Any]) -> Row:
    """What fitting a baseline is given; a deterministic one is fitted once, whatever the seeds."""
    given = _only(run, (*NAMES, "file", "config", "readouts"), ("problem", "train"), "train")
    return _once(given)


def read_out_params(run: Mapping[str, Any]) -> Row:
    """What reading out a variant is given."""
    names = (*NAMES, "file", "config", "training", "readouts", "selects_by")
    return _only(run, names, ("problem", "train", "read_out"), "readout")


def score_params(run: Mapping[str, Any]) -> Row:
    """What scoring a run is given."""
    given = _only(run, (*NAMES, "metrics"), ("problem", "read_out", "score"), "score")
    return _once(given)


def fitted_seeds(run: Mapping[str, Any]) -> list[int]:
    """The replicates there are files of: a deterministic run has one, called 0."""
    return [0] if run["deterministic"] else list(run["seeds"])


def _once(run: Row) -> Row:
    return run | {"seeds": fitted_seeds(run)}


def _only(run: Mapping[str, Any], names: Iterable[str], keys: Iterable[str], code: str) -> Row:
    given = {name: run[name] for name in names if name in run}
    given["code"] = run["code"][code]
    return given | {"keys": {name: run["keys"][name] for name in keys}}
