"""The loop: all replicates of a run, step by step, on counts that never leave the device.

A seed trained in a stack equals the same seed trained alone: each replicate has its own
initialisation, its own order of cells, its own noise and its own gradient norm, and the optimisers
are elementwise.  A replicate that diverges or stops early leaves the stack; the others go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from bench.core.problem import TRAIN, VALIDATION, Problem
from bench.core.variant import Variant
from bench.training import objective, optimiser, randomness, stopping
from bench.training.cells import DeviceCells, facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.curves import Curves
from bench.training.stack import Stack, Tensors, build_stack, one_pass

VALIDATION_DRAWS = 5
"""Draws of the latent at least when the validation bound is measured; the same in every epoch."""

VALIDATION_CELLS = 512
"""Cells at a time when the validation bound is measured."""

FEWEST_CELLS = 3
"""A last minibatch of fewer cells is left out of its epoch: batch statistics need some."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training leaves behind."""

    watches: list[stopping.Watch]
    """One per seed, with its best weights."""
    curves: Curves
    seconds: float
    cells: int
    """Cells times replicates that went through a step."""
    n_parameters: int


@dataclass(kw_only=True)
class Fit:
    """A training under way: the stack, its optimiser, and who is still in it."""

    cells: DeviceCells
    n_train: int
    config: TrainingConfig
    device: torch.device
    stack: Stack
    optimiser: torch.optim.Optimizer
    watches: list[stopping.Watch]
    orders: list[torch.Generator]
    noises: list[torch.Generator]
    step: int = 0
    processed: int = 0

    def keep(self, positions: list[int]) -> None:
        """Go on with these replicates alone."""
        chosen = torch.tensor(positions, device=self.device)
        stack = self.stack.only(chosen)
        fresh = optimiser.optimiser_for(stack, self.config)
        optimiser.carry_over(self.optimiser, fresh, self.stack, chosen)
        self.stack, self.optimiser = stack, fresh
        for name in ("watches", "orders", "noises"):
            setattr(self, name, [getattr(self, name)[i] for i in positions])


def train(
    problem: Problem,
    variant: Variant,
    hyperparameters: Any,
    config: TrainingConfig,
    seeds: Sequence[int],
    device: torch.device,
    on_epoch: Callable[[int, int], None],
) -> Trained:
    """Train one replicate per seed; ``on_epoch(epoch, replicates going on)`` reports progress.

    Raises ValueError where the KL warm-up is longer than the training.
    """
    facts = facts_of(problem)
    optimiser.check_warm_up(config, facts.n_train)
    stack = build_stack(lambda: variant.build(facts, hyperparameters), seeds, device)
    fit = Fit(
        cells=on_device(problem, variant, device),
        n_train=facts.n_train,
        config=config,
        device=device,
        stack=stack,
        optimiser=optimiser.optimiser_for(stack, config),
        watches=[stopping.Watch(seed) for seed in seeds],
        orders=randomness.generators(seeds, "order"),
        noises=randomness.generators(seeds, "noise"),
    )
    train_rows = torch.from_numpy(problem.rows(TRAIN)).to(device)
    validation_rows = torch.from_numpy(problem.rows(VALIDATION)).to(device)
    watches, curves, started = fit.watches, Curves(), perf_counter()
    for epoch in range(config.max_epochs):
        _one_epoch(fit, train_rows, epoch, curves)
        _validate(fit, validation_rows, epoch, curves)
        going = stopping.going_on(fit.watches, epoch, config.patience, _warm_at(fit))
        on_epoch(epoch + 1, len(going))
        if not going:
            break
        if len(going) < fit.stack.n_replicates:
            fit.keep(going)
    return Trained(
        watches=watches,
        curves=curves,
        seconds=perf_counter() - started,
        cells=fit.processed,
        n_parameters=sum(p.numel() for p in fit.stack.skeleton.parameters()),
    )


def _one_epoch(fit: Fit, rows: Tensor, epoch: int, curves: Curves) -> None:
    """Every training cell once, each replicate in its own order."""
    fit.stack.skeleton.train()
    for group in fit.optimiser.param_groups:
        group["lr"] = optimiser.decayed_rate(fit.config, epoch)
    order = rows[randomness.shuffled(len(rows), fit.orders, fit.device)]
    seen: list[dict[str, Tensor]] = []
    for minibatch in order.split(fit.config.batch_size or len(rows), dim=1):
        if minibatch.shape[1] >= min(FEWEST_CELLS, len(rows)):
            seen.append(_one_step(fit, minibatch))
    means = {name: torch.stack([s[name] for s in seen]).mean(0) for name in seen[0]}
    curves.add("train", fit.step, epoch, [w.seed for w in fit.watches], means)


def _one_step(fit: Fit, rows: Tensor) -> dict[str, Tensor]:
    """One optimiser step of every replicate; returns the (replicate,) terms of its ledger."""
    weight = optimiser.kl_weight(fit.config, fit.step)
    skeleton, config, n_train = fit.stack.skeleton, fit.config, fit.n_train
    wanted = skeleton.noise(rows.shape[1])  # type: ignore[operator]
    noise = randomness.draw(wanted, config.n_samples, fit.noises, fit.device)

    def replicate(params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors) -> Any:
        terms = one_pass(skeleton, params, buffers, cells, noise)
        cost = objective.loss(terms, n_train, config.objective, weight)
        return cost, objective.summary(terms, n_train)

    losses, terms = vmap(replicate)(
        fit.stack.params, fit.stack.buffers, fit.cells.minibatch(rows), noise
    )
    fit.optimiser.zero_grad()
    losses.sum().backward()
    optimiser.clip_each(fit.stack.params, config.gradient_clip)
    fit.optimiser.step()
    stopping.mark_diverged(fit.watches, losses, fit.step)
    fit.step += 1
    fit.processed += rows.numel()
    return {"loss": losses.detach(), **{name: term.detach() for name, term in terms.items()}}


@torch.no_grad()
def _validate(fit: Fit, rows: Tensor, epoch: int, curves: Curves) -> None:
    """Measure every replicate's validation bound, with the same noise in every epoch."""
    fit.stack.skeleton.eval()
    skeleton, config, n_train = fit.stack.skeleton, fit.config, fit.n_train
    seeds = [watch.seed for watch in fit.watches]
    generators = randomness.generators(seeds, "validation")

    def replicate(params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors) -> Any:
        terms = one_pass(skeleton, params, buffers, cells, noise)
        measured = objective.bound(terms, n_train, config.objective)
        return {**objective.summary(terms, n_train), "bound": measured}

    means: dict[str, Tensor] = {}
    for part in rows.split(VALIDATION_CELLS):
        wanted = skeleton.noise(len(part))  # type: ignore[operator]
        n_draws = max(config.n_samples, VALIDATION_DRAWS)
        noise = randomness.draw(wanted, n_draws, generators, fit.device)
        terms = vmap(replicate, in_dims=(0, 0, None, 0))(
            fit.stack.params, fit.stack.buffers, fit.cells.minibatch(part), noise
        )
        share = len(part) / len(rows)
        means = {name: means.get(name, 0.0) + share * value for name, value in terms.items()}
    curves.add("validation", fit.step, epoch, seeds, means)
    for place, watch in enumerate(fit.watches):
        bound = float(means["bound"][place])
        watch.see(bound, epoch, fit.stack, place, always=not config.patience)


def _warm_at(fit: Fit) -> int:
    """The first epoch in which the KL terms have their full weight: patience starts there."""
    per_epoch = max(1, fit.step // max(1, fit.watches[0].epochs))
    return -(-fit.config.kl_warmup_steps // per_epoch)
