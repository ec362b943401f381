"""Computes the readouts of a trained replicate; each readout has its own random numbers."""

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
    state: Any,
    seed: int,
    asked: Asked,
    device: torch.device,
) -> Arrays:
    """The arrays of one replicate."""
    arrays: Arrays = {}
    for name, (readout, config) in asked.items():
        fitted: Any = open_replicate(problem, variant, hyperparameters, state, seed, name, device)
        arrays |= readout.of_variant(fitted, problem, config)
    return arrays
