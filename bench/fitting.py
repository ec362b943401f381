"""A baseline in the place of a variant: fitted for every seed, and read out at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

from bench.core.baseline import Baseline
from bench.core.files import write_json
from bench.core.problem import Problem
from bench.core.readout import Arrays, Readout
from bench.core.seeds import numpy_generator
from bench.readouts._store import write


def fit(
    folder: Path,
    problem: Problem,
    baseline: Baseline,
    config: Any,
    asked: Mapping[str, tuple[Readout, Any]],
    seeds: Sequence[int],
) -> None:
    """Write ``readouts.npz`` and then ``trained.json``; a deterministic baseline is fitted once.

    ``asked`` are readouts by name, each with its config.
    """
    seconds, n_parameters = 0.0, 0
    arrays: dict[int, Arrays] = {}
    for seed in seeds[: 1 if baseline.deterministic else None]:
        started = perf_counter()
        fitted = baseline.fit(problem, config, numpy_generator("baseline", seed))
        seconds += perf_counter() - started
        n_parameters, arrays[seed] = fitted.n_parameters, {}
        for readout, options in asked.values():
            arrays[seed] |= readout.of_baseline(fitted, problem, options)
    write(folder / "readouts.npz", arrays)
    costs = {
        "train_seconds": round(seconds, 3),
        "cells_per_second": None,
        "peak_memory_mb": round(getrusage(RUSAGE_SELF).ru_maxrss / 2**10, 1),
        "device": "cpu",
        "n_parameters": n_parameters,
    }
    write_json(folder / "trained.json", {"costs": costs, "seeds": {}})
