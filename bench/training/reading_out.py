"""Computes the readouts of a trained replicate; each readout has its own random numbers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.core.problem import Problem
from bench.core.readout import Arrays, Readout
from bench.training.replicate import OpenRun

Asked = Mapping[str, tuple[Readout, Any]]
"""Readouts by name, each with its config."""


@torch.no_grad()
def read_out(
    run: OpenRun, problem: Problem, state: Mapping[str, Tensor], seed: int, asked: Asked
) -> Arrays:
    """The arrays of the replicate with this seed and state.

    ``problem`` is that of the open run, or the same with other scored cells.  Raises ValueError if
    a readout does not apply to variants.
    """
    run.load(state)
    arrays: Arrays = {}
    for name, (readout, config) in asked.items():
        if readout.of_variant is None:
            raise ValueError(f"the readout {name} is not asked of variants")
        arrays |= readout.of_variant(run.replicate(seed, name), problem, config)
    return arrays
