"""What is hidden stays hidden: garbage in its place changes no readout by a single bit.

Over every variant and every baseline on the shelves.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.dataset import CountData
from bench.core.problem import Problem
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.replicate import open_replicate
from tests.conftest import posed

CPU = torch.device("cpu")
CONFIG = TrainingConfig(max_epochs=3, batch_size=16)


def quiet(epoch: int, going: int) -> None:
    """No progress in tests."""


def variant_readouts(name: str, problem: Problem, asks: frozenset[str]) -> dict[str, np.ndarray]:
    """Train one seed and ask all it gives of these readouts."""
    variant = card("models", name)
    hyperparameters = variant.config()
    state = train(problem, variant, hyperparameters, CONFIG, [0], CPU, quiet).watches[0].best_state
    arrays: dict[str, np.ndarray] = {}
    for readout in sorted(asks & variant.gives):
        fitted = open_replicate(problem, variant, hyperparameters, state, 0, readout, CPU)
        entry = card("readouts", readout)
        with torch.no_grad():
            arrays |= entry.of_variant(fitted, problem, entry.config())
    return arrays


def baseline_readouts(name: str, problem: Problem, asks: frozenset[str]) -> dict[str, np.ndarray]:
    """Fit once and ask all it gives of these readouts."""
    baseline = card("baselines", name)
    fitted = baseline.fit(problem, baseline.config(), np.random.default_rng(0))
    arrays: dict[str, np.ndarray] = {}
    for readout in sorted(asks & baseline.gives):
        entry = card("readouts", readout)
        arrays |= entry.of_baseline(fitted, problem, entry.config())
    return arrays


COMPETITORS = [
    *((name, variant_readouts) for name in names("models")),
    *(
        (name, baseline_readouts)
        for name in names("baselines")
        if card("baselines", name).gives != {"embedding"}
    ),
]
"""But for those that embed what they are fitted to: where something is hidden they do not run."""


def spoilt_below_the_mask(data: CountData) -> tuple[CountData, CountData]:
    """The data with a mask of their own, and the same with garbage under it."""
    rng = np.random.default_rng(5)
    observed = rng.uniform(size=data.counts.shape) < 0.9
    observed[:, 0] = True
    counts = data.counts.toarray()
    counts[:, 0] += 1
    garbage = np.where(observed, counts, rng.integers(0, 5000, size=counts.shape))
    truth = {**data.truth, "observed": observed}
    clean = replace(data, counts=csr_matrix(counts), truth=truth)
    return clean, replace(clean, counts=csr_matrix(garbage))


def spoilt_second_draw(data: CountData) -> tuple[CountData, CountData]:
    """The data, and the same with garbage for their second draw."""
    garbage = np.random.default_rng(5).integers(0, 5000, size=data.counts.shape)
    return data, replace(data, truth={**data.truth, "second_draw": garbage})


def spoilt_originals(task: str) -> Callable[[CountData], tuple[CountData, CountData]]:
    """The data, and the same with garbage for the originals of what this task makes zero."""

    def spoil(data: CountData) -> tuple[CountData, CountData]:
        problem = posed(data, task)
        assert len(problem.scored) == len(problem.role)
        counts = data.counts.toarray()
        changed = problem.answers["changed"]
        counts[changed] = np.random.default_rng(5).integers(1, 5000, size=changed.sum())
        return data, replace(data, counts=csr_matrix(counts))

    return spoil


SPOILT = {
    "masked_entries": spoilt_below_the_mask,
    "thinned_counts": spoilt_second_draw,
    "corrupted_counts": spoilt_originals("corrupted_counts"),
    "corrupted_counts_as_published": spoilt_originals("corrupted_counts_as_published"),
}

EVERY_READOUT = frozenset(names("readouts"))
EVERY_CELLS = frozenset(name for name in EVERY_READOUT if card("readouts", name).rows == "cells")
WITH_EVERY_READOUT = {"masked_entries", "corrupted_counts"}
"""Where all that a competitor gives is read out, not only what the task asks for."""


@pytest.mark.parametrize("task", SPOILT)
@pytest.mark.parametrize(("name", "readouts_of"), COMPETITORS)
def test_garbage_in_what_is_hidden_changes_no_bit(small_data, name, readouts_of, task):
    clean, dirty = (posed(data, task) for data in SPOILT[task](small_data))
    answers = [
        key for key in clean.answers if not np.array_equal(clean.answers[key], dirty.answers[key])
    ]
    assert answers, "the garbage never reached what is hidden"
    asks = EVERY_READOUT if task in WITH_EVERY_READOUT else card("tasks", task).asks
    first, second = readouts_of(name, clean, asks), readouts_of(name, dirty, asks)
    assert first.keys() == second.keys()
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key], err_msg=key)


@pytest.mark.parametrize(("name", "readouts_of"), COMPETITORS)
def test_garbage_in_one_held_out_cell_stays_in_that_cell(problems, name, readouts_of):
    """Training, validation and every other held-out cell never see a held-out cell's counts."""
    clean = problems["held_out_cells"]
    counts = clean.visible.toarray()
    counts[clean.scored[0]] = np.random.default_rng(5).integers(0, 5000, size=counts.shape[1])
    dirty = replace(clean, visible=csr_matrix(counts))
    of_variant = readouts_of is variant_readouts
    asks = EVERY_CELLS if of_variant else card("tasks", "held_out_cells").asks
    first, second = readouts_of(name, clean, asks), readouts_of(name, dirty, asks)
    for key, array in first.items():
        np.testing.assert_array_equal(array[1:], second[key][1:], err_msg=key)
        assert not array.any() or not np.array_equal(array[0], second[key][0]), key
