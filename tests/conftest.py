"""Small problems that every test may use; built in code, seeded locally."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.baseline import Baseline
from bench.core.dataset import CountData
from bench.core.problem import Problem
from bench.core.readout import Readout
from bench.core.variant import Variant
from bench.training.replicate import Replicate, open_run


@pytest.fixture(scope="session")
def small_data() -> CountData:
    """60 cells, 12 genes, with the truth they were made from and labels that mean nothing."""
    dataset = card("data", "gamma_poisson")
    config = dataset.config(n_cells=60, n_genes=12, inverse_dispersion=2.0)
    labels = {
        "batch": np.array(["x", "y"])[np.arange(60) % 2],
        "cell_type": np.array(["a", "b", "c"])[np.arange(60) % 3],
    }
    return replace(dataset.load(config, {}), labels=labels)


def posed(data: CountData, task: str, **parameters: object) -> Problem:
    """The first split of a task on these data."""
    entry = card("tasks", task)
    return entry.problem_of(data, entry.config(**parameters), 1, np.random.default_rng(1))


SMALL = {"few_labels": {"per_class": 3, "validation": 0.2, "selection_per_class": 2}}
"""Parameters of the tasks whose own do not suit sixty cells."""


@pytest.fixture(scope="session")
def problems(small_data: CountData) -> dict[str, Problem]:
    """The tasks that most tests use, posed on the small data."""
    found = {
        name: posed(small_data, name, **SMALL.get(name, {}))
        for name in ("held_out_cells", "thinned_counts", "masked_entries", "few_labels")
    }
    treated = perturbed(small_data)
    found["seen_perturbations"] = posed(treated, "seen_perturbations")
    found["seen_values"] = posed(as_values(treated), "seen_perturbations")
    return found


def perturbed(data: CountData) -> CountData:
    """The data with labels of perturbations that mean nothing: two, both together, and none."""
    names = np.array(["A", "A+B", "B", "control"])
    labels = {**data.labels, "perturbation": names[np.arange(len(data.cell_names)) % 4]}
    return replace(data, labels=labels)


def as_values(data: CountData) -> CountData:
    """The data as real numbers: logarithms of the counts, centred."""
    values = np.log1p(data.counts.toarray()).astype(np.float32)
    return replace(data, counts=csr_matrix(values - values.mean()), measured="values")


def readouts_of(competitor: Variant | Baseline) -> frozenset[str]:
    """The readouts on the shelf that are asked of it."""
    kind = "of_variant" if isinstance(competitor, Variant) else "of_baseline"
    cards = {name: card("readouts", name) for name in names("readouts")}
    return frozenset(
        name for name, c in cards.items() if c.of in competitor.can and getattr(c, kind)
    )


def runs_in(competitor: Variant | Baseline, problem: Problem) -> bool:
    """Whether a problem has the measurements and labels that a competitor needs."""
    return competitor.needs <= {problem.measured, "observed", *problem.labels}


FEW = {"n_samples": 3, "n_particles": 3, "most_particles": 10, "n_cells": 4}
"""Draws of a readout where their number proves nothing."""


def few_draws(readout: Readout) -> Any:
    """The options of a readout with as few draws as it takes."""
    config = readout.config()
    return replace(config, **{f.name: FEW[f.name] for f in fields(config) if f.name in FEW})


def open_replicate(
    problem: Problem,
    variant: Variant,
    hyperparameters: Any,
    state: Mapping[str, torch.Tensor],
    seed: int,
    readout: str,
) -> Replicate:
    """One replicate by itself, as a readout is given it."""
    run = open_run(problem, variant, hyperparameters, torch.device("cpu"))
    run.load(state)
    return run.replicate(seed, readout)
