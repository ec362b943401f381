"""Replicates that take turns: plain modules, without ``vmap`` and without products of stacks.

On a CPU this is faster for one replicate, and for several with large minibatches, where arithmetic
takes the time.  With small minibatches operations take the time, which a stack shares.  The results
are those of a stack up to floating-point rounding.  Measured in docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import VariantModule
from bench.training.stack import (
    Cost,
    Measure,
    Stack,
    Tensors,
    as_network,
    build_stack,
    built,
    clip_each,
    over_noise,
)


@dataclass(frozen=True, kw_only=True)
class Turns:
    """One module per replicate; follows :class:`bench.training.stack.Stack`."""

    modules: tuple[VariantModule, ...]

    @property
    def skeleton(self) -> VariantModule:
        """A module of the variant."""
        return self.modules[0]

    @property
    def n_replicates(self) -> int:
        """Number of replicates."""
        return len(self.modules)

    @property
    def parameters(self) -> list[Tensor]:
        """The tensors that an optimiser changes."""
        return [p for network in self._networks for p in network.parameters()]

    @property
    def _networks(self) -> list[nn.Module]:
        return [as_network(module) for module in self.modules]

    def train(self, mode: bool) -> None:
        """Put all modules into training mode, or into evaluation mode."""
        for network in self._networks:
            network.train(mode)

    def gradients(
        self, cost: Cost, minibatch: Callable[[Tensor], Tensors], rows: Tensor, noise: Tensors
    ) -> tuple[Tensor, Tensors]:
        """(replicate,) losses and terms of a step; every parameter receives its gradient.

        ``rows`` (replicate, cell) are the cells of each replicate.
        """
        losses, each = [], []
        for index, network in enumerate(self._networks):
            loss, terms = cost(_ledger(network, minibatch(rows[index]), noise, index))
            loss.backward()
            losses.append(loss.detach())
            each.append({name: term.detach() for name, term in terms.items()})
        return torch.stack(losses), _together(each)

    def values(
        self, measure: Measure, minibatch: Callable[[Tensor], Tensors], rows: Tensor, noise: Tensors
    ) -> Tensors:
        """(replicate,) what is measured of these (cell,) rows."""
        cells = minibatch(rows)
        return _together(
            [measure(_ledger(one, cells, noise, i)) for i, one in enumerate(self._networks)]
        )

    def clip(self, largest: float) -> None:
        """Scale each replicate's gradient to a norm of at most ``largest``; 0 disables clipping."""
        for network in self._networks:
            grads = [p.grad[None] for p in network.parameters() if p.grad is not None]
            clip_each(grads, largest)

    def state(self, replicate: int) -> Tensors:
        """A copy of one replicate's plain state dict, on the CPU."""
        return {
            name: value.detach().clone().cpu()
            for name, value in _tensors(self._networks[replicate]).items()
        }

    @property
    def states(self) -> list[Tensors]:
        """The state of every replicate."""
        return [self.state(replicate) for replicate in range(self.n_replicates)]

    @torch.no_grad()
    def load_states(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Give every replicate the state at its index.

        Raises KeyError if a state has a name that a module does not have.
        """
        for network, state in zip(self._networks, states, strict=True):
            mine = _tensors(network)
            for name, value in state.items():
                mine[name].copy_(value)

    def subset(self, indices: Sequence[int]) -> Turns:
        """The replicates at these indices."""
        return Turns(modules=tuple(self.modules[index] for index in indices))


LARGEST_STACKED = 128_000
"""Entries (cell, gene) of a replicate's minibatch up to which several replicates are stacked."""


def build_replicates(
    build: Callable[[], VariantModule], seeds: Sequence[int], device: torch.device, n_entries: int
) -> Stack | Turns:
    """One replicate per seed, each initialised from its own seed: in turn if that is faster.

    ``n_entries`` is the number of entries of the minibatch of a replicate.
    """
    if device.type != "cpu" or (len(seeds) > 1 and n_entries <= LARGEST_STACKED):
        return build_stack(build, seeds, device)
    return Turns(modules=tuple(built(build, seed) for seed in seeds))


def _ledger(network: nn.Module, cells: Tensors, noise: Tensors, replicate: int) -> LossTerms:
    """(sample, cell) ledger of one replicate."""

    def at(one: Mapping[str, Tensor]) -> LossTerms:
        terms: LossTerms = network(cells, one)
        return terms

    return over_noise(network, at, {name: value[replicate] for name, value in noise.items()})


def _tensors(network: nn.Module) -> Tensors:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _together(each: Sequence[Tensors]) -> Tensors:
    return {name: torch.stack([one[name] for one in each]) for name in each[0]}
