"""A trained replicate for readouts: evaluation mode, no gradients, its own random numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem
from bench.core.seeds import address
from bench.core.variant import Variant
from bench.parts.perturbations.treatments import dosages
from bench.training.cells import DeviceCells, facts_of, on_device
from bench.training.randomness import draw_one, parted

LARGEST_PASS = 4_000_000
"""Maximum number of elements of a (sample, cell, gene) array in a readout."""

DRAWS_AT_A_TIME = 20
"""Samples per pass through the decoder."""


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """Follows :class:`bench.core.readout.FittedVariant`."""

    module: Any
    cells: DeviceCells
    device: torch.device
    generator: torch.Generator
    shared_address: int
    """Seed of the shared noise; every call starts from it."""
    perturbations: tuple[str, ...]
    treatments: tuple[str, ...]

    def minibatches(self, rows: NDArray[np.int64]) -> Iterator[Mapping[str, Tensor]]:
        """The declared fields of these cells, in order, in parts that fit into memory."""
        size = max(1, LARGEST_PASS // (DRAWS_AT_A_TIME * self.cells.counts.n_columns))
        for part in torch.from_numpy(rows).to(self.device).split(size):
            yield self.cells.minibatch(part)

    def over_draws(
        self,
        function: Callable[[Mapping[str, Tensor]], Any],
        n_cells: int,
        n_draws: int,
        turn: int = 0,
    ) -> Any:
        """``function(noise)`` for ``n_draws`` samples, stacked along a first axis."""
        own, shared = parted(self.module.noise(n_cells))
        generator = torch.Generator().manual_seed(self.shared_address + turn)
        noise = draw_one(own, n_draws, self.generator) | draw_one(shared, n_draws, generator)
        on_device = {name: value.to(self.device) for name, value in noise.items()}
        return vmap(function, chunk_size=DRAWS_AT_A_TIME)(on_device)

    def arms(self, perturbations: NDArray[np.str_]) -> Mapping[str, Tensor]:
        """``perturbation`` and ``dosage`` of cells with these perturbations."""
        codes = torch.from_numpy(np.searchsorted(self.perturbations, perturbations))
        dosage = dosages(perturbations, self.treatments)[1].toarray().astype(np.float32)
        arms = {"perturbation": codes, "dosage": torch.from_numpy(dosage)}
        return {name: value.to(self.device) for name, value in arms.items()}


def open_replicate(
    problem: Problem,
    variant: Variant,
    hyperparameters: Any,
    state: Mapping[str, Tensor],
    seed: int,
    readout: str,
    device: torch.device,
) -> Replicate:
    """Build the variant, load the weights of one seed, and set the generator for one readout.

    All cell types are hidden: the readout of a labelled cell does not depend on its label.
    """
    facts = facts_of(problem)
    module = variant.build(facts, hyperparameters)
    cells = on_device(problem, variant, device)
    if KNOWN_TYPE in cells.codes:
        cells.codes[KNOWN_TYPE] = torch.full_like(cells.codes[KNOWN_TYPE], -1)
    module.load_state_dict(state)
    return Replicate(
        module=module.to(device).eval(),
        cells=cells,
        device=device,
        generator=torch.Generator().manual_seed(address("replicate", seed, "readout", readout)),
        shared_address=address("replicate", seed, "readout", readout, "shared"),
        perturbations=facts.perturbations,
        treatments=facts.treatments,
    )
