"""Optimisers that treat each replicate of a stack independently."""

from collections.abc import Mapping

import torch
from torch import Tensor

from bench.training.config import TrainingConfig
from bench.training.stack import Stack


def optimiser_for(stack: Stack, training: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser over the stacked parameters.

    Elementwise optimisers only: a step of one replicate does not depend on other gradients.
    """
    params, rate, decay = list(stack.params.values()), training.learning_rate, training.weight_decay
    if training.optimizer == "rmsprop":
        return torch.optim.RMSprop(params, lr=rate, weight_decay=decay)
    return torch.optim.Adam(params, lr=rate, weight_decay=decay, eps=training.adam_epsilon)


def carry_over(old: torch.optim.Optimizer, new: torch.optim.Optimizer, kept: Tensor) -> None:
    """Give ``new`` the moments of the replicates at these indices."""
    pairs = zip(old.param_groups[0]["params"], new.param_groups[0]["params"], strict=True)
    for before, after in pairs:
        new.state[after] = {
            name: value[kept].clone() if value.shape == before.shape else value
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


def clip_each(params: Mapping[str, Tensor], largest: float) -> None:
    """Scale each replicate's gradient to a norm of at most ``largest``; 0 disables clipping."""
    gradients = [p.grad for p in params.values() if p.grad is not None]
    if not largest or not gradients:
        return
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0)
    factor = (largest / squares.sqrt().clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))
