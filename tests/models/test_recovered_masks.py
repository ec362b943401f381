"""Masks that are known are found again, on simulations small enough to train here.

What must be beaten is the mask that says yes everywhere: its F1 is 2 d / (1 + d) at density d.
Latents that are rotated must find nearly all of it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.catalogue import card, metric
from bench.core.problem import Problem
from bench.training.config import TrainingConfig
from bench.training.loop import train
from tests.conftest import open_replicate

CPU = torch.device("cpu")
SIZES = {"n_treatments": 20, "n_latent": 4, "n_cells": 120, "n_controls": 120}
NETWORKS = {"n_latent": 4, "n_hidden": 50, "n_layers": 2}
TRAINING = TrainingConfig(
    batch_size=128, learning_rate=3e-3, weight_decay=1e-6, max_epochs=60, patience=0
)
ROTATED = replace(TRAINING, pretrain_epochs=40, restart_epochs=20)


def posed(dataset: str, **sizes: Any) -> Problem:
    source, task = card("data", dataset), card("tasks", "seen_perturbations")
    data = source.load(source.config(**SIZES, **sizes), {})
    return task.problem_of(data, task.config(), 1, np.random.default_rng(0))


def f1_of_masks(
    problem: Problem,
    name: str,
    seeds: list[int],
    training: TrainingConfig = TRAINING,
    **keys: Any,
) -> list[float]:
    """The F1 of the mask of every seed."""
    variant = card("models", name)
    config = variant.config(**NETWORKS, **keys)
    result = train(problem, variant, config, training, seeds, CPU, lambda epoch, going: None)
    readout, f1 = card("readouts", "treatment_latents"), metric("mask.f1")
    scores = []
    for replicate in result.replicates:
        fitted = open_replicate(
            problem, variant, config, replicate.best_state, replicate.seed, "treatment_latents"
        )
        with torch.no_grad():
            arrays = readout.of_variant(fitted, problem, readout.config())
        scores.append(f1.value({**arrays, **problem.targets}))
    return scores


def f1_of_all_ones(problem: Problem) -> float:
    density = problem.targets["true_mask"].mean()
    return 2 * density / (1 + density)


@pytest.mark.nightly
def test_sams_vae_finds_the_mask_of_its_own_simulation() -> None:
    problem = posed("sams_simulation", n_genes=30)
    keys = {"guide": "mean_field", "mask_prior_probability": 0.13, "embedding_prior_scale": 5.0}
    found = f1_of_masks(problem, "sams_vae_normal", [0, 1, 2], **keys)
    assert np.median(found) > 2 * f1_of_all_ones(problem)
    assert min(found) > f1_of_all_ones(problem)
    rotated = f1_of_masks(problem, "sams_vae_normal", [0, 1, 2], ROTATED, mask_weight=20.0, **keys)
    assert np.median(rotated) > 0.9
    assert min(rotated) > min(found)


@pytest.mark.nightly
def test_svae_plus_finds_more_of_its_simulation_than_a_mask_of_ones() -> None:
    problem = posed("svae_simulation", n_genes=40, library=2000)
    found = f1_of_masks(problem, "svae_plus", [0, 1, 2])
    assert min(found) > f1_of_all_ones(problem)
    rotated = f1_of_masks(problem, "svae_plus", [0, 1, 2], ROTATED, mask_weight=5.0)
    assert min(rotated) > max(0.75, *found)
