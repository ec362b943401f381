"""Random generators per replicate, so that replicates of a stack are independent."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bench.core.seeds import address
from bench.core.variant import Noise


def generators(seeds: Sequence[int], use: str) -> list[torch.Generator]:
    """One generator per seed for one use; on the CPU, so that results agree across devices."""
    return [torch.Generator().manual_seed(address("replicate", seed, use)) for seed in seeds]


def draw_one(
    wanted: Mapping[str, Noise], n_draws: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """(draw, *shape) noise of one replicate, on the CPU."""
    laws = {"normal": torch.randn, "uniform": torch.rand}
    return {
        name: laws[noise.kind](n_draws, *noise.shape, generator=generator)
        for name, noise in wanted.items()
    }


def parted(wanted: Mapping[str, Noise]) -> tuple[dict[str, Noise], dict[str, Noise]]:
    """The noise per cell, and the noise that all cells share."""
    own = {name: noise for name, noise in wanted.items() if not noise.shared}
    return own, {name: noise for name, noise in wanted.items() if noise.shared}


def draw(
    wanted: Mapping[str, Noise],
    n_draws: int,
    generators: Sequence[torch.Generator],
    device: torch.device,
) -> dict[str, Tensor]:
    """(replicate, draw, *shape) noise, each replicate from its own generator."""
    each = [draw_one(wanted, n_draws, generator) for generator in generators]
    return {name: torch.stack([one[name] for one in each]).to(device) for name in wanted}


def shuffled(n: int, generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
    """(replicate, n) one permutation each."""
    return torch.stack([torch.randperm(n, generator=g) for g in generators]).to(device)
