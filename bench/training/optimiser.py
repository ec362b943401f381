"""Optimisers that treat each replicate independently."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.training.config import TrainingConfig


def optimiser_for(params: Sequence[Tensor], training: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser over the parameters of all replicates.

    Elementwise optimisers only: a step of one replicate does not depend on other gradients.
    """
    rate, decay = training.learning_rate, training.weight_decay
    if training.optimizer == "rmsprop":
        return torch.optim.RMSprop(params, lr=rate, weight_decay=decay)
    one_pass = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in params)
    return torch.optim.Adam(
        params, lr=rate, weight_decay=decay, eps=training.adam_epsilon, fused=one_pass
    )


def carry_over(old: torch.optim.Optimizer, new: torch.optim.Optimizer, kept: Sequence[int]) -> None:
    """Give ``new`` the moments of the replicates at these indices.

    Its parameters are some of those of ``old``, or slices of all of them.
    """
    earlier = old.param_groups[0]["params"]
    for index, after in enumerate(new.param_groups[0]["params"]):
        if after in old.state:
            new.state[after] = old.state[after]
            continue
        before = earlier[index]
        new.state[after] = {
            name: value[list(kept)].clone() if value.shape == before.shape else value
            for name, value in old.state[before].items()
        }


def decayed_rate(training: TrainingConfig, epoch: int) -> float:
    """Learning rate of an epoch, counted from 0."""
    return training.learning_rate * training.lr_decay ** (epoch // training.lr_decay_epochs)


def kl_weight(training: TrainingConfig, step: int) -> float:
    """Weight of the KL terms at a step, counted from 0: linear until the warm-up is over."""
    warm = min(1.0, (step + 1) / training.kl_warmup_steps) if training.kl_warmup_steps else 1.0
    return training.kl_weight * warm


def check_warm_up(training: TrainingConfig, steps_per_epoch: int) -> None:
    """Raise ValueError for a warm-up that does not complete: it would underweight the KL."""
    steps = training.max_epochs * steps_per_epoch
    if training.kl_warmup_steps > steps:
        wanted = f"kl_warmup_steps is {training.kl_warmup_steps}"
        raise ValueError(
            f"{wanted}, but training has {steps} steps: the warm-up would never complete"
        )
