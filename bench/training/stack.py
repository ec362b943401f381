"""Replicates of one variant as a stack: ``vmap`` adds the replicate axis to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from bench.core.ledger import LossTerms
from bench.core.seeds import address
from bench.core.variant import VariantModule

Tensors = dict[str, Tensor]
Cost = Callable[[LossTerms], tuple[Tensor, Tensors]]
"""Ledger -> () loss and the terms of a report."""
Measure = Callable[[LossTerms], Tensors]
"""Ledger -> () values by name."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Parameters and buffers of all replicates, (replicate, …) each, and their module."""

    skeleton: VariantModule
    params: Tensors
    buffers: Tensors

    @property
    def n_replicates(self) -> int:
        """Number of replicates in the stack."""
        return len(next(iter(self.params.values())))

    @property
    def parameters(self) -> list[Tensor]:
        """The tensors that an optimiser changes."""
        return list(self.params.values())

    def train(self, mode: bool) -> None:
        """Put the module into training mode, or into evaluation mode."""
        as_network(self.skeleton).train(mode)

    def gradients(
        self, cost: Cost, minibatch: Callable[[Tensor], Tensors], rows: Tensor, noise: Tensors
    ) -> tuple[Tensor, Tensors]:
        """(replicate,) losses and terms of a step; every parameter receives its gradient.

        ``rows`` (replicate, cell) are the cells of each replicate.
        """
        losses, terms = self._mapped(cost, minibatch(rows), noise, 0)
        losses.sum().backward()
        return losses.detach(), {name: term.detach() for name, term in terms.items()}

    def values(
        self, measure: Measure, minibatch: Callable[[Tensor], Tensors], rows: Tensor, noise: Tensors
    ) -> Tensors:
        """(replicate,) what is measured of these (cell,) rows."""
        measured: Tensors = self._mapped(measure, minibatch(rows), noise, None)
        return measured

    def clip(self, largest: float) -> None:
        """Scale each replicate's gradient to a norm of at most ``largest``; 0 disables clipping."""
        clip_each([p.grad for p in self.params.values() if p.grad is not None], largest)

    def _mapped(
        self, function: Callable[[LossTerms], Any], cells: Tensors, noise: Tensors, axis: int | None
    ) -> Any:
        def replicate(params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors) -> Any:
            return function(one_pass(self.skeleton, params, buffers, cells, noise))

        mapped = vmap(replicate, in_dims=(0, 0, axis, 0))
        return mapped(self.params, self.buffers, cells, noise)

    def state(self, replicate: int) -> Tensors:
        """A copy of one replicate's plain state dict, on the CPU."""
        both = {**self.params, **self.buffers}
        return {name: value[replicate].detach().clone().cpu() for name, value in both.items()}

    @torch.no_grad()
    def load_states(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Give every replicate the state at its index.

        Raises KeyError if a state has a name that this stack does not have.
        """
        mine = {**self.params, **self.buffers}
        for replicate, state in enumerate(states):
            for name, value in state.items():
                mine[name][replicate].copy_(value)

    @property
    def states(self) -> list[Tensors]:
        """The state of every replicate."""
        return [self.state(replicate) for replicate in range(self.n_replicates)]

    def subset(self, indices: Sequence[int]) -> Stack:
        """The replicates at these indices, as fresh leaves."""
        kept = list(indices)
        params = {k: v.detach()[kept].clone().requires_grad_() for k, v in self.params.items()}
        buffers = {k: v[kept].clone() for k, v in self.buffers.items()}
        return Stack(skeleton=self.skeleton, params=params, buffers=buffers)


def as_network(module: VariantModule) -> nn.Module:
    """The module of a variant.  Raises TypeError if it is not an ``nn.Module``."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"a variant builds an nn.Module, and this is a {type(module).__name__}")
    return module


def build_stack(
    build: Callable[[], VariantModule], seeds: Sequence[int], device: torch.device
) -> Stack:
    """One replicate per seed, each initialised from its own seed."""
    replicates = [built(build, seed) for seed in seeds]
    params, buffers = stack_module_state([as_network(one).to(device) for one in replicates])
    return Stack(skeleton=replicates[0], params=params, buffers=buffers)


def built(build: Callable[[], VariantModule], seed: int) -> VariantModule:
    """Build with a seeded global generator, from which layers initialise, and restore it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(address("replicate", seed, "init"))
        return build()


def one_pass(
    module: VariantModule, params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors
) -> LossTerms:
    """(sample, cell) ledger of one replicate with these weights."""
    network = as_network(module)

    def at(one: Mapping[str, Tensor]) -> LossTerms:
        terms: LossTerms = functional_call(network, (params, buffers), (cells, one))
        return terms

    return over_noise(network, at, noise)


def over_noise(
    network: nn.Module, at: Callable[[Mapping[str, Tensor]], LossTerms], noise: Tensors
) -> LossTerms:
    """(sample, cell) ledger of one replicate; ``noise`` has a leading sample axis.

    Computations that do not depend on the noise (the encoder) run once for all samples.  A single
    sample uses no ``vmap``, so that the module can update running statistics; during training a
    module with running statistics processes several samples one after the other.
    """
    n_draws = len(next(iter(noise.values())))
    if n_draws == 1 or (network.training and _has_running_statistics(network)):
        each = [at({name: value[draw] for name, value in noise.items()}) for draw in range(n_draws)]
        return _stacked(each)
    return vmap(at)(noise)


def clip_each(gradients: Sequence[Tensor], largest: float) -> None:
    """Scale the (replicate, …) gradients of each replicate to a norm of at most ``largest``."""
    if not largest or not gradients:
        return
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0)
    factor = (largest / squares.sqrt().clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))


def _stacked(each: Sequence[LossTerms]) -> LossTerms:
    """Ledgers of single draws as one with a leading draw axis."""

    def stacked(terms: Sequence[Mapping[str, Tensor]]) -> Tensors:
        return {name: torch.stack([one[name] for one in terms]) for name in terms[0]}

    return LossTerms(
        local=stacked([one.local for one in each]),
        log_weight=torch.stack([one.log_weight for one in each]),
        shared=stacked([one.shared for one in each]),
        penalty=stacked([one.penalty for one in each]),
        diagnostics=stacked([one.diagnostics for one in each]),
        slack=stacked([one.slack for one in each]),
    )


def _has_running_statistics(network: nn.Module) -> bool:
    return any(getattr(part, "track_running_stats", False) for part in network.modules())
