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

Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Parameters and buffers of all replicates, (replicate, …) each, and their module."""

    skeleton: nn.Module
    params: Tensors
    buffers: Tensors

    @property
    def n_replicates(self) -> int:
        """Number of replicates in the stack."""
        return len(next(iter(self.params.values())))

    def state(self, replicate: int) -> Tensors:
        """A copy of one replicate's plain state dict, on the CPU."""
        both = {**self.params, **self.buffers}
        return {name: value[replicate].detach().clone().cpu() for name, value in both.items()}

    @torch.no_grad()
    def set_to(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Set the states of all replicates, in order.

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

    def only(self, keep: Tensor) -> Stack:
        """The replicates at these positions, with new leaf tensors."""
        params = {k: v.detach()[keep].clone().requires_grad_() for k, v in self.params.items()}
        buffers = {k: v[keep].clone() for k, v in self.buffers.items()}
        return Stack(skeleton=self.skeleton, params=params, buffers=buffers)


def build_stack(build: Callable[[], Any], seeds: Sequence[int], device: torch.device) -> Stack:
    """One replicate per seed, each initialised from its own seed."""
    replicates = [_built(build, seed).to(device) for seed in seeds]
    params, buffers = stack_module_state(replicates)
    return Stack(skeleton=replicates[0], params=params, buffers=buffers)


def _built(build: Callable[[], Any], seed: int) -> Any:
    """Build with a seeded global generator, from which layers initialise, and restore it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(address("replicate", seed, "init"))
        return build()


def one_pass(
    module: nn.Module, params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors
) -> LossTerms:
    """(sample, cell) ledger of one replicate; ``noise`` has a leading sample axis.

    Computations that do not depend on the noise (the encoder) run once for all samples.  A single
    sample uses no inner ``vmap``, so that the module can update running statistics; during training
    a module with running statistics processes several samples one after the other.
    """

    def at(one: Mapping[str, Tensor]) -> LossTerms:
        return functional_call(module, (params, buffers), (cells, one))

    n_draws = len(next(iter(noise.values())))
    if n_draws == 1 or (module.training and _has_running_statistics(module)):
        each = [at({name: value[draw] for name, value in noise.items()}) for draw in range(n_draws)]
        return torch.utils._pytree.tree_map(lambda *terms: torch.stack(terms), *each)
    return vmap(at)(noise)


def _has_running_statistics(module: nn.Module) -> bool:
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())
