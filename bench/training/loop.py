"""The training loop: all replicates of a run together, with counts that remain on the device.

A seed in a stack gives the same result as the same seed alone: each replicate has its own
initialisation, its own order of cells, its own noise and its own gradient norm, and the optimisers
are elementwise.  A replicate that diverges or stops early leaves the stack; the others continue.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from bench.core.problem import VALIDATION, Problem
from bench.core.variant import DataFacts, Variant
from bench.training import objective, optimiser, randomness, stopping
from bench.training.cells import DeviceCells, facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.curves import Curves
from bench.training.minibatches import Minibatch, TrainingCells, training_cells
from bench.training.stack import Stack, Tensors, build_stack, one_pass

VALIDATION_DRAWS = 5
"""Minimum number of samples of the latent for the validation bound; the same in every epoch."""

VALIDATION_CELLS = 512
"""Cells per pass for the validation bound."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of a training."""

    watches: list[stopping.Watch]
    """One per seed, with its best weights."""
    curves: Curves
    seconds: float
    cells: int
    """Number of cells in all steps, times replicates."""
    n_parameters: int


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The shared context of all phases of a training."""

    cells: DeviceCells
    order: TrainingCells
    validation: Tensor
    """(cell,) rows of the validation cells."""
    n_train: int
    config: TrainingConfig
    device: torch.device
    curves: Curves
    on_epoch: Callable[[int, int], None]


@dataclass(kw_only=True)
class Fit:
    """A training phase in progress: the stack, its optimiser and the remaining replicates."""

    ground: Ground
    stack: Stack
    optimiser: torch.optim.Optimizer
    watches: list[stopping.Watch]
    orders: list[torch.Generator]
    noises: list[torch.Generator]
    first_epoch: int = 0
    first_step: int = 0
    """First step of this phase in the curves."""
    step: int = 0
    processed: int = 0

    def keep(self, positions: list[int]) -> None:
        """Continue with these replicates only."""
        chosen = torch.tensor(positions, device=self.ground.device)
        stack = self.stack.only(chosen)
        fresh = optimiser.optimiser_for(stack, self.ground.config)
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
    """Train one replicate per seed; ``on_epoch(epoch, remaining replicates)`` reports progress.

    The count of epochs includes pre-training.  Raises ValueError if the KL warm-up is longer than
    the training, if ``labelled_share`` is set and there are no labelled cells, or if
    ``pretrain_epochs`` is set and the variant has no pre-training.
    """
    facts, started = facts_of(problem), perf_counter()
    order = training_cells(problem, config.batch_size, config.labelled_share, device)
    optimiser.check_warm_up(config, order.steps_per_epoch)
    ground = Ground(
        cells=on_device(problem, variant, device),
        order=order,
        validation=torch.from_numpy(problem.rows(VALIDATION)).to(device),
        n_train=facts.n_train,
        config=config,
        device=device,
        curves=Curves(),
        on_epoch=on_epoch,
    )
    first = _pretrain(ground, variant, facts, hyperparameters, seeds)
    stack = build_stack(lambda: variant.build(facts, hyperparameters), seeds, device)
    fit = _begin(ground, stack, seeds, "")
    if first:
        stack.set_to(list(map(variant.start, first.stack.states, stack.states)))
        fit.first_epoch, fit.first_step = config.pretrain_epochs, first.step
    watches = fit.watches
    _run(fit, config.max_epochs, config.patience, variant.restart)
    return Trained(
        watches=watches,
        curves=ground.curves,
        seconds=perf_counter() - started,
        cells=fit.processed + (first.processed if first else 0),
        n_parameters=sum(p.numel() for p in fit.stack.skeleton.parameters()),
    )


def _pretrain(
    ground: Ground, variant: Variant, facts: DataFacts, hyperparameters: Any, seeds: Sequence[int]
) -> Fit | None:
    """The complete pre-training phase; None without pre-training."""
    if not ground.config.pretrain_epochs:
        return None
    if variant.pretrain is None:
        raise ValueError(f"pretrain_epochs: {variant.label} has no pre-training")
    build = variant.pretrain
    stack = build_stack(lambda: build(facts, hyperparameters), seeds, ground.device)
    fit = _begin(ground, stack, seeds, "pretrain ")
    _run(fit, ground.config.pretrain_epochs, 0, None)
    return fit


def _begin(ground: Ground, stack: Stack, seeds: Sequence[int], phase: str) -> Fit:
    return Fit(
        ground=ground,
        stack=stack,
        optimiser=optimiser.optimiser_for(stack, ground.config),
        watches=[stopping.Watch(seed) for seed in seeds],
        orders=randomness.generators(seeds, f"{phase}order"),
        noises=randomness.generators(seeds, f"{phase}noise"),
    )


def _run(
    fit: Fit,
    n_epochs: int,
    patience: int,
    restart: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None,
) -> None:
    """Train at most ``n_epochs`` epochs; with patience, stopped replicates leave the stack."""
    every = fit.ground.config.restart_epochs
    for epoch in range(fit.first_epoch, fit.first_epoch + n_epochs):
        done = epoch - fit.first_epoch
        if restart and every and done and done % every == 0:
            fit.stack.set_to(list(map(restart, fit.stack.states)))
            fit.optimiser = optimiser.optimiser_for(fit.stack, fit.ground.config)
        _one_epoch(fit, epoch)
        _validate(fit, epoch, patience)
        going = stopping.going_on(fit.watches, epoch, patience, _warm_at(fit))
        fit.ground.on_epoch(epoch + 1, len(going))
        if not going:
            break
        if len(going) < fit.stack.n_replicates:
            fit.keep(going)


def _one_epoch(fit: Fit, epoch: int) -> None:
    """One pass over the training cells, each replicate in its own order."""
    ground = fit.ground
    fit.stack.skeleton.train()
    for group in fit.optimiser.param_groups:
        group["lr"] = optimiser.decayed_rate(ground.config, epoch - fit.first_epoch)
    seen = [_one_step(fit, minibatch) for minibatch in ground.order.epoch(fit.orders)]
    means = {name: torch.stack([s[name] for s in seen]).mean(0) for name in seen[0]}
    step, seeds = fit.first_step + fit.step, [watch.seed for watch in fit.watches]
    ground.curves.add("train", step, epoch, seeds, means)


def _one_step(fit: Fit, minibatch: Minibatch) -> dict[str, Tensor]:
    """One optimiser step of every replicate; returns the (replicate,) terms of the ledgers."""
    ground, (rows, cell_weight) = fit.ground, minibatch
    kl_weight = optimiser.kl_weight(ground.config, fit.step)
    skeleton, config, n_train = fit.stack.skeleton, ground.config, ground.n_train
    wanted = skeleton.noise(rows.shape[1])  # type: ignore[operator]
    noise = randomness.draw(wanted, config.n_samples, fit.noises, ground.device)

    def replicate(params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors) -> Any:
        terms = one_pass(skeleton, params, buffers, cells, noise)
        cost = objective.loss(terms, n_train, config.objective, kl_weight, cell_weight)
        return cost, objective.summary(terms, n_train, cell_weight)

    losses, terms = vmap(replicate)(
        fit.stack.params, fit.stack.buffers, ground.cells.minibatch(rows), noise
    )
    fit.optimiser.zero_grad()
    losses.sum().backward()
    optimiser.clip_each(fit.stack.params, config.gradient_clip)
    fit.optimiser.step()
    stopping.mark_diverged(fit.watches, losses, fit.first_step + fit.step)
    fit.step += 1
    fit.processed += rows.numel()
    return {"loss": losses.detach(), **{name: term.detach() for name, term in terms.items()}}


@torch.no_grad()
def _validate(fit: Fit, epoch: int, patience: int) -> None:
    """Compute the validation bound of every replicate, with the same noise in every epoch."""
    fit.stack.skeleton.eval()
    skeleton, config, n_train = fit.stack.skeleton, fit.ground.config, fit.ground.n_train
    rows, seeds = fit.ground.validation, [watch.seed for watch in fit.watches]
    generators = randomness.generators(seeds, "validation")

    def replicate(params: Tensors, buffers: Tensors, cells: Tensors, noise: Tensors) -> Any:
        terms = one_pass(skeleton, params, buffers, cells, noise)
        measured = objective.bound(terms, n_train, config.objective)
        return {**objective.summary(terms, n_train), "bound": measured}

    means: dict[str, Tensor] = {}
    for part in rows.split(VALIDATION_CELLS):
        wanted = skeleton.noise(len(part))  # type: ignore[operator]
        n_draws = max(config.n_samples, VALIDATION_DRAWS)
        noise = randomness.draw(wanted, n_draws, generators, fit.ground.device)
        terms = vmap(replicate, in_dims=(0, 0, None, 0))(
            fit.stack.params, fit.stack.buffers, fit.ground.cells.minibatch(part), noise
        )
        share = len(part) / len(rows)
        means = {name: means.get(name, 0.0) + share * value for name, value in terms.items()}
    fit.ground.curves.add("validation", fit.first_step + fit.step, epoch, seeds, means)
    for place, watch in enumerate(fit.watches):
        bound = float(means["bound"][place])
        watch.see(bound, epoch, fit.stack, place, always=not patience)


def _warm_at(fit: Fit) -> int:
    """The first epoch in which the KL terms have their full weight: patience starts there."""
    per_epoch = max(1, fit.step // max(1, fit.watches[0].epochs - fit.first_epoch))
    return fit.first_epoch - (-fit.ground.config.kl_warmup_steps // per_epoch)
