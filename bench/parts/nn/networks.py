"""Small networks for stacks of replicates: plain layers without weight norm or dropout."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from torch import nn

Widths = Iterable[int]


def plain_block(n_in: int, n_out: int) -> list[nn.Module]:
    """Linear, ReLU."""
    return [nn.Linear(n_in, n_out), nn.ReLU()]


def normalised_block(n_in: int, n_out: int) -> list[nn.Module]:
    """Linear, ReLU, BatchNorm, in the order of scmodes."""
    return [nn.Linear(n_in, n_out), nn.ReLU(), nn.BatchNorm1d(n_out)]


def tower(block: Callable[[int, int], list[nn.Module]], widths: Widths) -> nn.Sequential:
    """One block between each two widths: ``tower(plain_block, [100, 128, 128])`` has two."""
    return nn.Sequential(*(layer for pair in pairwise(widths) for layer in block(*pair)))
