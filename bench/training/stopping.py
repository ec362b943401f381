"""Early stopping per replicate, with copies of the best weights."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from torch import Tensor

from bench.training.stack import Tensors


@dataclass
class EarlyStopping:
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

    def update(
        self, bound: float, epoch: int, state: Callable[[int], Tensors], index: int, *, always: bool
    ) -> None:
        """Record a validation bound (nats per cell, higher is better).

        ``index`` is that of the replicate, and ``state`` copies its weights: if the bound is the
        best so far, or ``always``.
        """
        self.epochs = epoch + 1
        if always or bound > self.best_bound:
            self.best_bound, self.best_epoch = bound, epoch
            self.best_state = state(index)

    def should_stop(self, epoch: int, patience: int, earliest: int) -> bool:
        """Whether it stops after this epoch; patience counts from epoch ``earliest`` or later."""
        waited = epoch - max(self.best_epoch, earliest)
        return self.diverged or bool(patience and waited >= patience)


def still_training(
    replicates: list[EarlyStopping], epoch: int, patience: int, earliest: int
) -> list[int]:
    """Indices of the replicates that train another epoch."""
    return [i for i, r in enumerate(replicates) if not r.should_stop(epoch, patience, earliest)]


def mark_diverged(replicates: list[EarlyStopping], losses: Tensor, step: int) -> None:
    """Record the replicates with a loss that is not finite."""
    for replicate, finite in zip(replicates, losses.isfinite().tolist(), strict=True):
        if not finite and not replicate.diverged:
            replicate.diverged_at = step
