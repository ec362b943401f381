"""Labelled shares: who is in a step, and that the bound stays that of the data; pre-training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.catalogue import card
from bench.core.problem import TRAIN
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.minibatches import training_cells
from bench.training.randomness import generators
from tests.conftest import open_replicate

CPU = torch.device("cpu")


@pytest.fixture
def problem(problems):
    return problems["few_labels"]


def labelled_rows(problem):
    rows = problem.rows(TRAIN)
    return set(rows[problem.labels["known_type"][rows] != ""].tolist())


def epoch(problem, share, batch_size, seeds=(0, 1)):
    order = training_cells(problem, batch_size, share, CPU)
    return list(order.epoch(generators(list(seeds), "order")))


def test_without_a_share_every_cell_comes_once_and_counts_alike(problem):
    steps = epoch(problem, 0.0, 8)
    assert all(weight is None for _, weight in steps)
    for replicate in range(2):
        seen = torch.cat([rows[replicate] for rows, _ in steps]).tolist()
        assert len(seen) == len(set(seen))
        assert set(seen) <= set(problem.rows(TRAIN).tolist())
        assert len(problem.rows(TRAIN)) - len(seen) < 3


def test_a_share_is_kept_in_every_step_and_unlabelled_cells_come_once(problem):
    labelled = labelled_rows(problem)
    steps = epoch(problem, 0.25, 8)
    assert steps
    for replicate in range(2):
        for rows, _ in steps:
            assert sum(row in labelled for row in rows[replicate].tolist()) == 2
        seen = [row for rows, _ in steps for row in rows[replicate].tolist() if row not in labelled]
        assert len(seen) == len(set(seen))


def test_labelled_cells_take_turns(problem):
    """Nobody comes a second time before all have come once."""
    labelled = labelled_rows(problem)
    order = training_cells(problem, 8, 0.25, CPU)
    again = order._again(20, generators([0], "order"))[0].tolist()
    for turn in range(0, len(again) - len(labelled), len(labelled)):
        assert set(again[turn : turn + len(labelled)]) == labelled


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_weighted_mean_is_that_of_the_data(problem, share):
    """Chances: over 4,000 epochs' first steps the weighted mean is unbiased for the data's mean.

    It lies within 6 standard errors of it; false alarms have probability below 1e-8.
    """
    values = torch.tensor(np.random.default_rng(0).normal(size=len(problem.role)))
    values[list(labelled_rows(problem))] += 3
    steps = epoch(problem, share, 10, range(4000))
    rows, weight = steps[0]
    assert weight.sum().item() == pytest.approx(1)
    means = (values[rows] * weight).sum(1)
    error = means.std() / len(means) ** 0.5
    assert abs(means.mean() - values[problem.rows(TRAIN)].mean()) < 6 * error


@pytest.mark.parametrize(
    ("known", "share", "said"),
    [
        ("none", 0.2, "none are labelled"),
        ("all", 0.2, "all are labelled"),
        ("some", 0.99, "leaves"),
    ],
)
def test_a_share_that_cannot_be_kept_is_refused(problem, known, share, said):
    labels = problem.labels["known_type"]
    told = {"none": np.full_like(labels, ""), "all": np.full_like(labels, "a"), "some": labels}
    changed = replace(problem, labels={**problem.labels, "known_type": told[known]})
    with pytest.raises(ValueError, match=said):
        training_cells(changed, 8, share, CPU)


def quiet(epoch, going):
    """No progress in tests."""


def trained(problem, seeds, name="scanvi", **keys):
    variant = card("models", name)
    config = {"max_epochs": 3, "batch_size": 16, "pretrain_epochs": 2, "labelled_share": 0.25}
    given = TrainingConfig(**{**variant.training, **config, **keys})
    return train(problem, variant, variant.config(n_hidden=8), given, seeds, CPU, quiet)


@pytest.mark.parametrize("name", ["scanvi", "cell_discovery"])
def test_a_pretrained_seed_in_a_stack_equals_the_same_seed_alone(problem, name):
    # The bias before a BatchNorm has no gradient but rounding, which a small epsilon would blow up.
    keys = {"adam_epsilon": 0.01}
    together = trained(problem, [0, 1], name, **keys)
    for place, seed in enumerate([0, 1]):
        alone = trained(problem, [seed], name, **keys).replicates[0].best_state
        stacked = together.replicates[place].best_state
        for key, value in stacked.items():
            torch.testing.assert_close(value, alone[key], rtol=1e-4, atol=1e-4, msg=key)


def test_what_was_pretrained_is_where_the_variant_starts(problem):
    """With a rate of next to nothing only the pre-training can have moved ``base``."""
    variant = card("models", "scanvi")
    first = trained(problem, [0], pretrain_epochs=4, max_epochs=1, learning_rate=1e-2)
    without = trained(problem, [0], pretrain_epochs=0, max_epochs=1, learning_rate=1e-2)
    moved = first.replicates[0].best_state["base.scvi.generation.share.weight"]
    still = without.replicates[0].best_state["base.scvi.generation.share.weight"]
    assert (moved - still).abs().max() > 0.01
    assert set(first.curves.columns["epoch"]) == set(range(5))
    assert first.replicates[0].epochs == 5
    assert first.cells > without.cells
    state = first.replicates[0].best_state
    replicate = open_replicate(problem, variant, variant.config(n_hidden=8), state, 0, "x")
    assert (replicate.cells.codes["known_type"] == -1).all()


def test_pretraining_is_refused_where_there_is_none(problem):
    variant = card("models", "nbvae")
    config = TrainingConfig(max_epochs=1, pretrain_epochs=1)
    with pytest.raises(ValueError, match="has no pre-training"):
        train(problem, variant, variant.config(), config, [0], CPU, quiet)
