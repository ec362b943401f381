"""What is hidden stays hidden: garbage in its place changes no readout by a single bit.

Over every variant and every baseline on the shelves.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.dataset import KNOWN_TYPE, CountData
from bench.core.problem import TEST, TRAIN, UNUSED, Problem
from bench.training.config import TrainingConfig
from bench.training.loop import train
from tests.conftest import (
    SMALL,
    as_values,
    few_draws,
    open_replicate,
    perturbed,
    posed,
    readouts_of,
)

CPU = torch.device("cpu")
CONFIG = TrainingConfig(max_epochs=3, batch_size=16)


def quiet(epoch: int, going: int) -> None:
    """No progress in tests."""


STATES: dict[tuple[str, bytes], Mapping[str, torch.Tensor]] = {}
"""Weights by variant and by all that a problem holds: many tests fit the same cells."""


def trained(name: str, problem: Problem) -> Mapping[str, torch.Tensor]:
    """The weights of one seed."""
    key = (name, sha256(pickle.dumps(problem)).digest())
    if key not in STATES:
        variant = card("models", name)
        done = train(problem, variant, variant.config(), CONFIG, [0], CPU, quiet)
        STATES[key] = done.replicates[0].best_state
    return STATES[key]


def variant_readouts(name: str, problem: Problem, asks: frozenset[str]) -> dict[str, np.ndarray]:
    """Train one seed and ask all it gives of these readouts."""
    variant = card("models", name)
    hyperparameters = variant.config()
    state = trained(name, problem)
    arrays: dict[str, np.ndarray] = {}
    for readout in sorted(asks & readouts_of(variant)):
        fitted = open_replicate(problem, variant, hyperparameters, state, 0, readout)
        entry = card("readouts", readout)
        with torch.no_grad():
            arrays |= entry.of_variant(fitted, problem, few_draws(entry))
    return arrays


def baseline_readouts(name: str, problem: Problem, asks: frozenset[str]) -> dict[str, np.ndarray]:
    """Fit once and ask all it gives of these readouts."""
    baseline = card("baselines", name)
    fitted = baseline.fit(problem, baseline.config(), np.random.default_rng(0))
    arrays: dict[str, np.ndarray] = {}
    for readout in sorted(asks & readouts_of(baseline)):
        entry = card("readouts", readout)
        arrays |= entry.of_baseline(fitted, problem, few_draws(entry))
    return arrays


EVERYONE = [
    *((name, variant_readouts) for name in names("models")),
    *(
        (name, baseline_readouts)
        for name in names("baselines")
        if "all_cells" not in card("baselines", name).needs
    ),
]
"""But for those that embed what they are fitted to: where something is hidden they do not run."""


def needs_of(name: str, read_out: Callable) -> frozenset[str]:
    """The fields a competitor needs."""
    return card("models" if read_out is variant_readouts else "baselines", name).needs


IN_SMALL_DATA = frozenset(
    {
        *("counts", "observed", "batch", "cell_type", "perturbation"),
        *("rate", "mean", "inverse_dispersion"),
    }
)
COMPETITORS = [one for one in EVERYONE if needs_of(*one) <= IN_SMALL_DATA]
"""Those that run where no type is told, and cells may have been perturbed."""


def readouts_asked(task: str) -> frozenset[str]:
    """What is read out of a task here."""
    return EVERY_READOUT if task in WITH_EVERY_READOUT else card("tasks", task).readouts


def gives_of(name: str, read_out: Callable) -> frozenset[str]:
    """The readouts a competitor can give."""
    return readouts_of(card("models" if read_out is variant_readouts else "baselines", name))


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
        assert len(problem.scored_rows) == len(problem.role)
        counts = data.counts.toarray()
        changed = problem.targets["changed"]
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

HIDING = [
    (*one, task) for one in COMPETITORS for task in SPOILT if gives_of(*one) & readouts_asked(task)
]


@pytest.mark.parametrize(("name", "read_out", "task"), HIDING)
def test_garbage_in_what_is_hidden_changes_no_bit(small_data, name, read_out, task):
    given = perturbed(small_data) if "perturbation" in needs_of(name, read_out) else small_data
    clean, dirty = (posed(data, task) for data in SPOILT[task](given))
    answers = [
        key for key in clean.targets if not np.array_equal(clean.targets[key], dirty.targets[key])
    ]
    assert answers, "the garbage never reached what is hidden"
    asks = readouts_asked(task)
    first, second = read_out(name, clean, asks), read_out(name, dirty, asks)
    assert first
    assert first.keys() == second.keys()
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key], err_msg=key)


@pytest.mark.parametrize(
    ("name", "read_out"), [one for one in COMPETITORS if "perturbation" not in needs_of(*one)]
)
def test_garbage_in_one_held_out_cell_stays_in_that_cell(problems, name, read_out):
    """Training, validation and every other held-out cell never see a held-out cell's counts."""
    clean = problems["held_out_cells"]
    counts = clean.counts.toarray()
    counts[clean.scored_rows[0]] = np.random.default_rng(5).integers(0, 5000, size=counts.shape[1])
    dirty = replace(clean, counts=csr_matrix(counts))
    of_variant = read_out is variant_readouts
    asks = EVERY_CELLS if of_variant else card("tasks", "held_out_cells").readouts
    first, second = read_out(name, clean, asks), read_out(name, dirty, asks)
    for key, array in first.items():
        np.testing.assert_array_equal(array[1:], second[key][1:], err_msg=key)
        assert not array.any() or not np.array_equal(array[0], second[key][0]), key


# Few labels: hidden types, held-out cells, a held-out batch

ASKED = card("tasks", "few_labels").readouts
FEW = SMALL["few_labels"]
GIVEN = frozenset({"counts", "observed", "batch", KNOWN_TYPE})
LABELLED = [one for one in EVERYONE if needs_of(*one) <= GIVEN]
"""Those that run where few types are told."""


def same_to_fit(one: Problem, other: Problem) -> bool:
    """Whether two problems tell, fit and score the same."""
    parts = [(p.role, p.scored_rows, p.selection, p.labels[KNOWN_TYPE]) for p in (one, other)]
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(*parts, strict=True))


def spoilt_hidden_types(data: CountData, **config: float) -> CountData:
    """The data, with as many types exchanged between hidden cells as no split notices.

    Strata follow the types, so that some exchanges move a split: these are left out.
    """
    clean, kinds = posed(data, "few_labels", **config), data.labels["cell_type"].copy()
    hidden = np.flatnonzero(clean.labels[KNOWN_TYPE] == "")
    for one, other in combinations(hidden, 2):
        if kinds[one] == data.labels["cell_type"][one] != kinds[other]:
            kinds[[one, other]] = kinds[[other, one]]
            spoilt = replace(data, labels={**data.labels, "cell_type": kinds})
            if not same_to_fit(clean, posed(spoilt, "few_labels", **config)):
                kinds[[one, other]] = kinds[[other, one]]
    return replace(data, labels={**data.labels, "cell_type": kinds})


@pytest.fixture(scope="module", params=[{}, {"test": 0.2}], ids=["transductive", "inductive"])
def hidden_types(request, small_data) -> tuple[Problem, Problem]:
    """Few labels told, and the same with wrong types for hidden cells and those of a search."""
    config = FEW | request.param
    clean, dirty = (
        posed(data, "few_labels", **config)
        for data in (small_data, spoilt_hidden_types(small_data, **config))
    )
    wrong = clean.targets["true_type"] != dirty.targets["true_type"]
    assert wrong.sum() > 3, "the garbage never reached what is hidden"
    return clean, replace(dirty, selection_targets={"true_type": dirty.selection.astype(str)})


def test_hidden_types_are_in_nothing_that_competitors_are_handed(hidden_types):
    clean, dirty = hidden_types
    assert same_to_fit(clean, dirty)
    assert clean.labels.keys() == dirty.labels.keys() == {"batch", KNOWN_TYPE}
    told = clean.labels[KNOWN_TYPE] != ""
    assert told.sum() == 9
    assert not told[clean.role != TRAIN].any()
    for name, values in clean.labels.items():
        np.testing.assert_array_equal(values, dirty.labels[name])


@pytest.mark.parametrize(("name", "read_out"), LABELLED)
def test_garbage_in_hidden_types_changes_no_bit(hidden_types, name, read_out):
    first, second = (read_out(name, problem, ASKED) for problem in hidden_types)
    assert first.keys() == second.keys()
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key], err_msg=key)


@pytest.mark.parametrize("form", [{"test": 0.2}, {"test_batch": "y"}], ids=["test", "test_batch"])
@pytest.mark.parametrize(("name", "read_out"), LABELLED)
def test_garbage_in_held_out_cells_reaches_no_labelled_cell(small_data, name, read_out, form):
    """What is fitted to the others stays as it is, and so do the bounds and types of these."""
    clean = posed(small_data, "few_labels", **FEW | form)
    counts, held_out = clean.counts.toarray(), clean.rows(TEST)
    counts[held_out] = np.random.default_rng(5).integers(0, 5000, (len(held_out), counts.shape[1]))
    dirty = replace(clean, counts=csr_matrix(counts))
    told = clean.labels[KNOWN_TYPE][clean.scored_rows] != ""
    first, second = read_out(name, clean, ASKED), read_out(name, dirty, ASKED)
    for key, array in first.items():
        np.testing.assert_array_equal(array[told], second[key][told], err_msg=key)
    assert np.isin(held_out, clean.scored_rows).all()


@pytest.mark.parametrize(("name", "read_out"), LABELLED)
def test_garbage_in_one_test_cell_stays_in_that_cell_of_few_labels(small_data, name, read_out):
    clean = posed(small_data, "few_labels", **FEW, test=0.2)
    counts, spoilt = clean.counts.toarray(), clean.rows(TEST)[0]
    counts[spoilt] = np.random.default_rng(5).integers(0, 5000, size=counts.shape[1])
    dirty = replace(clean, counts=csr_matrix(counts))
    others = clean.scored_rows != spoilt
    first, second = read_out(name, clean, ASKED), read_out(name, dirty, ASKED)
    for key, array in first.items():
        np.testing.assert_array_equal(array[others], second[key][others], err_msg=key)


@pytest.mark.parametrize("name", [n for n, of in LABELLED if of is variant_readouts])
def test_a_labelled_cell_is_read_out_as_if_its_label_were_hidden(problems, name):
    """Labels steer the fit, and nothing that is said of a cell afterwards."""
    clean, variant = problems["few_labels"], card("models", name)
    known = clean.labels[KNOWN_TYPE].copy()
    known[known != ""] = np.roll(known[known != ""], 1)
    wrong = replace(clean, labels={**clean.labels, KNOWN_TYPE: known})
    state = trained(name, clean)
    for readout in sorted(ASKED & readouts_of(variant)):
        entry, said = card("readouts", readout), []
        for problem in (clean, wrong):
            fitted = open_replicate(problem, variant, variant.config(), state, 0, readout)
            with torch.no_grad():
                said.append(entry.of_variant(fitted, problem, few_draws(entry)))
        for key, array in said[0].items():
            np.testing.assert_array_equal(array, said[1][key], err_msg=key)


# Perturbations: held-out cells, held-out combinations, held-out treatments

NAMES = np.array(["A", "A+B", "A+C", "B", "B+C", "C", "D", "control"])
ROWS_OF = {
    array: card("readouts", r).rows for r in EVERY_READOUT for array in card("readouts", r).arrays
}
TREATED = {
    "seen_perturbations": {"test": 0.3},
    "unseen_combinations": {},
    "few_combination_cells": {},
    "unseen_perturbations": {"test_fraction": 0.5},
}
"""Tasks about perturbations, and parameters that suit eight cells of each."""

TOLD = IN_SMALL_DATA | {"values", "duplicate", "true_effect"}
PERTURBING = [
    (*one, task)
    for one in EVERYONE
    for task in TREATED
    if needs_of(*one) <= TOLD and gives_of(*one) & card("tasks", task).readouts
    # What knows nothing of perturbations is asked once more than above, not four times.
    if "perturbation" in needs_of(*one) or task == "unseen_combinations"
]


def treated(data: CountData, needs: frozenset[str]) -> CountData:
    """The data with perturbations and their true effects, as counts or as real numbers."""
    given = {**data.labels, "perturbation": NAMES[np.arange(len(data.cell_names)) % len(NAMES)]}
    effects = np.random.default_rng(3).normal(size=(len(NAMES) - 1, data.counts.shape[1]))
    whole = replace(data, labels=given, truth={**data.truth, "true_effect": effects})
    return as_values(whole) if "values" in needs else whole


def spoilt_test_cells(
    data: CountData, task: str, is_ceiling: bool
) -> tuple[Problem, Problem, np.ndarray]:
    """The problem; the same with garbage in unfitted cells but some scored ones; which these are.

    There is garbage in all answers and, but for ceilings, in the truth.
    """
    clean, rng = posed(data, task, **TREATED[task]), np.random.default_rng(5)
    kept = np.zeros(len(clean.role), dtype=bool)
    kept[clean.scored_rows[::2]] = True
    garbage = ~kept & np.isin(clean.role, (TEST, UNUSED))
    counts = data.counts.toarray()
    counts[garbage] = rng.integers(0, 5000, size=(garbage.sum(), counts.shape[1]))
    dirty = posed(replace(data, counts=csr_matrix(counts)), task, **TREATED[task])
    answers = {name: np.roll(values, 1) for name, values in dirty.targets.items()}
    truth = {name: values * 0 + 99 for name, values in dirty.truth.items()}
    dirty = replace(dirty, targets=answers, truth=clean.truth if is_ceiling else truth)
    return clean, dirty, kept[clean.scored_rows]


@pytest.mark.parametrize(("name", "read_out", "task"), PERTURBING)
def test_garbage_in_unfitted_cells_changes_no_effect_and_no_other_cell(
    small_data, name, read_out, task
):
    is_ceiling = read_out is baseline_readouts and card("baselines", name).role == "ceiling"
    data = treated(small_data, needs_of(name, read_out))
    clean, dirty, kept = spoilt_test_cells(data, task, is_ceiling)
    assert kept.any()
    for key in ("data_effect", "observed_cells"):
        assert not np.array_equal(clean.targets[key], dirty.targets[key])
    asks = card("tasks", task).readouts
    first, second = read_out(name, clean, asks), read_out(name, dirty, asks)
    assert first
    assert first.keys() == second.keys()
    for key, array in first.items():
        rows = kept if ROWS_OF[key] == "cells" else slice(None)
        np.testing.assert_array_equal(array[rows], second[key][rows], err_msg=key)
