"""How long a study takes and how much disk it needs, estimated before its first job.

    seconds = (start of the study + sum over jobs of (start + work) / cores) / speed

The work of a training is cells x genes x epochs x seeds.  The constants below are CPU seconds on
the machine of docs/performance.md; ``speed`` compares the present machine with it.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from bench.planning.plan_record import Plan

START = {"models": 2.5, "baselines": 1.5}
"""Jobs of a run beside their work: training (or fit), readout, score."""
START_OF_OTHERS = 0.8
"""A job that prepares data, makes a problem or makes a file of the report."""
START_OF_STUDY = 25.0
"""Planning, imports of the server, tables and report."""

PER_CELL = 1.8e-5
PER_ENTRY = 7e-8
"""Of one cell of the data, and of one entry (cell, gene), in one epoch of one seed."""
PER_DRAW = 2.5e-8
"""Of one entry and one draw of a readout."""
PER_FITTED_ENTRY = 3.5e-6
"""Of one entry, for a baseline: the mean over the shelf."""

EPOCHS_BEFORE_STOP = 0.45
"""Share of ``max_epochs`` that a training with early stopping uses in the default study."""

N_EXPONENTIALS, TRIALS = 200_000, 7
REFERENCE_SECONDS = 2.36e-4
"""CPU time of so many exponentials on the reference machine."""

BYTES_PER_ENTRY = 1.5
"""Compressed counts with a tenth of non-zeros; a problem holds them once more."""
MEGABYTES_PER_SEED = 1.5
"""Weights, curve and arrays of one replicate of a small network."""


class Size(NamedTuple):
    """Of one dataset."""

    cells: int
    genes: int

    @property
    def entries(self) -> int:
        """Number of (cell, gene) pairs."""
        return self.cells * self.genes


class Estimate(NamedTuple):
    """Of a whole study."""

    minutes: float
    megabytes: float


def speed_here() -> float:
    """Speed of one core of this machine, as a multiple of the reference: exponentials.

    CPU time, because other programs may use the machine at the same time.
    """
    values, best = np.linspace(0, 1, N_EXPONENTIALS), float("inf")
    for _ in range(TRIALS):
        begin = time.process_time()
        np.exp(values)
        best = min(best, time.process_time() - begin)
    return REFERENCE_SECONDS / best


def estimate(plan: Plan, sizes: Mapping[str, Size], cores: int, speed: float) -> Estimate:
    """Minutes and megabytes; datasets without a known size count as if they were empty."""
    jobs = list(_jobs(plan, sizes))
    longest = max(jobs, default=0.0)
    seconds = (max(sum(jobs) / cores, longest) + START_OF_STUDY) / speed
    entries = sum(size.entries for size in sizes.values())
    stored = entries * BYTES_PER_ENTRY / 1e6 * (1 + len(plan.tasks) * plan.splits)
    replicates = sum(len(row["seeds"]) for row in plan.runs if row["shelf"] == "models")
    return Estimate(seconds / 60, stored + replicates * MEGABYTES_PER_SEED)


def _jobs(plan: Plan, sizes: Mapping[str, Size]) -> Iterator[float]:
    """CPU seconds of every job, or of the jobs of one run together."""
    problems = len(plan.tasks) * plan.splits
    for name in plan.datasets:
        work = sizes.get(name, Size(0, 0)).entries * 2e-8
        yield from [START_OF_OTHERS + work] * (1 + problems)
    for row in plan.runs:
        yield _of_run(row, sizes.get(row["dataset"], Size(0, 0)))
        yield from [START_OF_OTHERS] * len(row["page_files"])
    for search in plan.searches:
        trials = search["trials"] * plan.splits
        yield from [_of_run(search["template"], sizes.get(search["dataset"], Size(0, 0)))] * trials


def _of_run(row: Mapping[str, Any], size: Size) -> float:
    seeds = 1 if row["deterministic"] else len(row["seeds"])
    if row["shelf"] == "baselines":
        return START["baselines"] + PER_FITTED_ENTRY * size.entries * seeds
    training = row["training"]
    share = EPOCHS_BEFORE_STOP if training["patience"] else 1.0
    epochs = training["pretrain_epochs"] + share * training["max_epochs"]
    work = epochs * (PER_CELL * size.cells + PER_ENTRY * size.entries)
    draws = sum(options.get("n_samples", 1) for options in row["readouts"].values())
    return START["models"] + seeds * (work + PER_DRAW * draws * size.entries)
