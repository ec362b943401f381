"""What is asked of every trained seed: arrays by name, each readout with draws of its own."""

from collections.abc import Mapping
from typing import Any

import torch

from bench.core.problem import Problem
from bench.core.readout import Arrays, Readout
from bench.core.variant import Variant
from bench.training.replicate import open_replicate

Asked = Mapping[str, tuple[Readout, Any]]
"""Readouts by name, each with its config."""


@torch.no_grad()
def read_out(
    problem: Problem,
    variant: Variant,
    hyperparameters: Any,
    states: Mapping[int, Any],
    asked: Asked,
    device: torch.device,
) -> dict[int, Arrays]:
    """The arrays of every seed that was trained."""
    arrays: dict[int, Arrays] = {seed: {} for seed in states}
    for seed, state in states.items():
        for name, (readout, config) in asked.items():
            fitted: Any = open_replicate(
                problem, variant, hyperparameters, state, seed, name, device
            )
            arrays[seed] |= readout.of_variant(fitted, problem, config)
    return arrays
