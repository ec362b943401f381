"""A trained run for readouts: evaluation mode, no gradients, separate random numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

from bench.core.problem import Problem
from bench.core.seeds import address
from bench.core.variant import Variant
from bench.parts.perturbations.treatments import dosages
from bench.training.cells import DeviceCells, facts_of, on_device
from bench.training.randomness import draw_one, parted
from bench.training.stack import as_network

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
        draw_block: int = 0,
    ) -> Any:
        """``function(noise)`` for ``n_draws`` samples, stacked along a first axis."""
        own, shared = parted(self.module.noise(n_cells))
        generator = torch.Generator().manual_seed(self.shared_address + draw_block)
        noise = draw_one(own, n_draws, self.generator) | draw_one(shared, n_draws, generator)
        on_device = {name: value.to(self.device) for name, value in noise.items()}
        return vmap(function, chunk_size=DRAWS_AT_A_TIME)(on_device)

    def conditions(self, perturbations: NDArray[np.str_]) -> Mapping[str, Tensor]:
        """``perturbation`` and ``dosage`` of cells with these perturbations."""
        codes = torch.from_numpy(np.searchsorted(self.perturbations, perturbations))
        dosage = dosages(perturbations, self.treatments)[1].toarray().astype(np.float32)
        given = {"perturbation": codes, "dosage": torch.from_numpy(dosage)}
        return {name: value.to(self.device) for name, value in given.items()}


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """The module and the cells of a run on their device, shared by its replicates in turn."""

    module: Any
    cells: DeviceCells
    device: torch.device
    perturbations: tuple[str, ...]
    treatments: tuple[str, ...]

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of a replicate."""
        self.module.load_state_dict(state)

    def replicate(self, seed: int, readout: str) -> Replicate:
        """The replicate of this seed, with its loaded weights, for one readout."""
        return Replicate(
            module=self.module,
            cells=self.cells,
            device=self.device,
            generator=torch.Generator().manual_seed(address("replicate", seed, "readout", readout)),
            shared_address=address("replicate", seed, "readout", readout, "shared"),
            perturbations=self.perturbations,
            treatments=self.treatments,
        )


def open_run(problem: Problem, variant: Variant, config: Any, device: torch.device) -> OpenRun:
    """Build the variant and move its cells to the device, once for all seeds and readouts.

    All cell types are hidden: the readout of a labelled cell does not depend on its label.
    """
    facts = facts_of(problem)
    network = as_network(variant.build(facts, config))
    return OpenRun(
        module=network.to(device).eval(),
        cells=on_device(problem, variant, device).without_types(),
        device=device,
        perturbations=facts.perturbations,
        treatments=facts.treatments,
    )
