"""Early stopping per replicate, with copies of the best weights."""

from dataclasses import dataclass, field
from math import inf

from torch import Tensor

from bench.training.stack import Stack, Tensors


@dataclass
class Watch:
    """The state of early stopping for one replicate."""

    seed: int
    best_bound: float = -inf
    best_epoch: int = -1
    best_state: Tensors = field(default_factory=dict)
    epochs: int = 0
    diverged_at: int = -1
    """The first step with a loss that is not finite; -1 without such a step."""

    @property
    def diverged(self) -> bool:
        """Whether the loss was not finite at some step."""
        return self.diverged_at >= 0

    def see(self, bound: float, epoch: int, stack: Stack, place: int, *, always: bool) -> None:
        """Record a validation bound (nats per cell, higher is better).

        Copy the weights if the bound is the best so far, or ``always``.
        """
        self.epochs = epoch + 1
        if always or bound > self.best_bound:
            self.best_bound, self.best_epoch = bound, epoch
            self.best_state = stack.state(place)

    def done(self, epoch: int, patience: int, earliest: int) -> bool:
        """Whether it stops after this epoch; patience counts from epoch ``earliest`` or later."""
        waited = epoch - max(self.best_epoch, earliest)
        return self.diverged or bool(patience and waited >= patience)


def going_on(watches: list[Watch], epoch: int, patience: int, earliest: int) -> list[int]:
    """Positions of the replicates that continue."""
    return [i for i, w in enumerate(watches) if not w.done(epoch, patience, earliest)]


def mark_diverged(watches: list[Watch], losses: Tensor, step: int) -> None:
    """Record the replicates with a loss that is not finite."""
    for watch, finite in zip(watches, losses.isfinite().tolist(), strict=True):
        if not finite and not watch.diverged:
            watch.diverged_at = step
