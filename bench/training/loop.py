"""The training loop: all replicates of a run together, with counts that remain on the device.

A seed in a stack gives the same result as the same seed alone: each replicate has its own
initialisation, its own order of cells, its own noise and its own gradient norm, and the optimisers
are elementwise.  A replicate that diverges or stops early leaves the stack; the others continue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from bench.core.ledger import LossTerms
from bench.core.problem import VALIDATION, Problem
from bench.core.variant import DataFacts, StateDict, Variant
from bench.training import objective, randomness
from bench.training import optimiser as optimisation
from bench.training.cells import DeviceCells, facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.curves import Curves
from bench.training.minibatches import Minibatch, TrainingCells, training_cells
from bench.training.stack import Stack, Tensors, as_network
from bench.training.stopping import EarlyStopping, mark_diverged, still_training
from bench.training.turns import Turns, build_replicates

VALIDATION_DRAWS, MOST_VALIDATION_DRAWS = 1_000, 5
"""Number of samples of the latents of all validation cells together, and the largest number for one
cell; the samples are the same in every epoch."""

VALIDATION_CELLS = 512
"""Cells per pass for the validation bound."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of a training."""

    replicates: list[EarlyStopping]
    """One per seed, with its best weights."""
    curves: Curves
    seconds: float
    cells: int
    """Number of cells in all steps, times replicates."""
    n_parameters: int


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """The shared context of all phases of a training."""

    cells: DeviceCells
    order: TrainingCells
    validation: Tensor
    """(cell,) rows of the validation cells."""
    n_train: int
    training: TrainingConfig
    device: torch.device
    curves: Curves
    on_epoch: Callable[[int, int], None]


@dataclass(kw_only=True)
class Phase:
    """A phase in progress: the stack, its optimiser, and the replicates still in it."""

    context: TrainingContext
    stack: Stack | Turns
    optimiser: torch.optim.Optimizer
    replicates: list[EarlyStopping]
    order_generators: list[torch.Generator]
    noise_generators: list[torch.Generator]
    first_epoch: int = 0
    first_step: int = 0
    """First step of this phase in the curves."""
    step: int = 0
    processed: int = 0

    def keep_only(self, indices: list[int]) -> None:
        """Continue with these replicates only.

        The lists are replaced, not changed: an earlier reference still has all replicates.
        """
        stack = self.stack.subset(indices)
        optimiser = optimisation.optimiser_for(stack.parameters, self.context.training)
        optimisation.carry_over(self.optimiser, optimiser, indices)
        self.stack, self.optimiser = stack, optimiser
        self.replicates = [self.replicates[i] for i in indices]
        self.order_generators = [self.order_generators[i] for i in indices]
        self.noise_generators = [self.noise_generators[i] for i in indices]


def train(
    problem: Problem,
    variant: Variant,
    config: Any,
    training: TrainingConfig,
    seeds: Sequence[int],
    device: torch.device,
    on_epoch: Callable[[int, int], None],
) -> Trained:
    """Train one replicate per seed; ``on_epoch(epoch, replicates still training)`` tells progress.

    The count of epochs includes pre-training.  Raises ValueError if the KL warm-up is longer than
    the training, if ``labelled_share`` is set and there are no labelled cells, or if
    ``pretrain_epochs`` is set and the variant has no pre-training.
    """
    facts, started = facts_of(problem), perf_counter()
    order = training_cells(problem, training.batch_size, training.labelled_share, device)
    optimisation.check_warm_up(training, order.steps_per_epoch)
    context = TrainingContext(
        cells=on_device(problem, variant, device),
        order=order,
        validation=torch.from_numpy(problem.rows(VALIDATION)).to(device),
        n_train=facts.n_train,
        training=training,
        device=device,
        curves=Curves(),
        on_epoch=on_epoch,
    )
    first = _pretrain(context, variant, facts, config, seeds)
    stack = build_replicates(
        lambda: variant.build(facts, config), seeds, device, context.order.n_cells * facts.n_genes
    )
    phase = start_phase(context, stack, seeds, "")
    if first:
        stack.load_states(list(map(variant.from_pretrained, first.stack.states, stack.states)))
        phase.first_epoch, phase.first_step = training.pretrain_epochs, first.step
    replicates = phase.replicates  # all of them: the phase may continue with fewer
    run_phase(phase, training.max_epochs, training.patience, variant.reinitialise)
    return Trained(
        replicates=replicates,
        curves=context.curves,
        seconds=perf_counter() - started,
        cells=phase.processed + (first.processed if first else 0),
        n_parameters=sum(p.numel() for p in as_network(phase.stack.skeleton).parameters()),
    )


def _pretrain(
    context: TrainingContext,
    variant: Variant,
    facts: DataFacts,
    config: Any,
    seeds: Sequence[int],
) -> Phase | None:
    """The complete pre-training phase; None without pre-training."""
    if not context.training.pretrain_epochs:
        return None
    if variant.pretrain is None:
        raise ValueError(f"pretrain_epochs: {variant.label} has no pre-training")
    build = variant.pretrain
    stack = build_replicates(
        lambda: build(facts, config),
        seeds,
        context.device,
        context.order.n_cells * facts.n_genes,
    )
    phase = start_phase(context, stack, seeds, "pretrain ")
    run_phase(phase, context.training.pretrain_epochs, 0, None)
    return phase


def start_phase(
    context: TrainingContext, stack: Stack | Turns, seeds: Sequence[int], name: str
) -> Phase:
    """A phase before its first step; its name is part of the addresses of its generators."""
    return Phase(
        context=context,
        stack=stack,
        optimiser=optimisation.optimiser_for(stack.parameters, context.training),
        replicates=[EarlyStopping(seed) for seed in seeds],
        order_generators=randomness.generators(seeds, f"{name}order"),
        noise_generators=randomness.generators(seeds, f"{name}noise"),
    )


def run_phase(
    phase: Phase,
    n_epochs: int,
    patience: int,
    reinitialise: Callable[[StateDict], StateDict] | None,
) -> None:
    """Train at most ``n_epochs`` epochs; with patience, stopped replicates leave the stack."""
    training, warm_at = phase.context.training, _warm_at(phase)
    for epoch in range(phase.first_epoch, phase.first_epoch + n_epochs):
        done = epoch - phase.first_epoch
        if (
            reinitialise
            and training.restart_epochs
            and done
            and done % training.restart_epochs == 0
        ):
            phase.stack.load_states(list(map(reinitialise, phase.stack.states)))
            phase.optimiser = optimisation.optimiser_for(phase.stack.parameters, training)
        _one_epoch(phase, epoch)
        _validate(phase, epoch, patience)
        going = still_training(phase.replicates, epoch, patience, warm_at)
        phase.context.on_epoch(epoch + 1, len(going))
        if not going:
            break
        if len(going) < phase.stack.n_replicates:
            phase.keep_only(going)


def _warm_at(phase: Phase) -> int:
    """The first epoch in which the KL terms have their full weight: patience starts there."""
    context = phase.context
    return phase.first_epoch - (-context.training.kl_warmup_steps // context.order.steps_per_epoch)


def _one_epoch(phase: Phase, epoch: int) -> None:
    """One pass over the training cells, each replicate in its own order."""
    context = phase.context
    phase.stack.train(True)
    for group in phase.optimiser.param_groups:
        group["lr"] = optimisation.decayed_rate(context.training, epoch - phase.first_epoch)
    minibatches = context.order.epoch(phase.order_generators)
    seen = [_one_step(phase, minibatch) for minibatch in minibatches]
    means = {name: torch.stack([s[name] for s in seen]).mean(0) for name in seen[0]}
    step, seeds = phase.first_step + phase.step, [one.seed for one in phase.replicates]
    context.curves.add("train", step, epoch, seeds, means)


def _one_step(phase: Phase, minibatch: Minibatch) -> dict[str, Tensor]:
    """One optimiser step of every replicate; returns the (replicate,) terms of the ledgers."""
    context, (rows, cell_weight) = phase.context, minibatch
    kl_weight = optimisation.kl_weight(context.training, phase.step)
    training, n_train = context.training, context.n_train
    wanted = phase.stack.skeleton.noise(rows.shape[1])
    noise = randomness.draw(wanted, training.n_samples, phase.noise_generators, context.device)

    def cost(terms: LossTerms) -> tuple[Tensor, Tensors]:
        loss = objective.loss(terms, n_train, training.objective, kl_weight, cell_weight)
        return loss, objective.summary(terms, n_train, cell_weight)

    phase.optimiser.zero_grad()
    losses, terms = phase.stack.gradients(cost, context.cells.minibatch, rows, noise)
    phase.stack.clip(training.gradient_clip)
    phase.optimiser.step()
    mark_diverged(phase.replicates, losses, phase.first_step + phase.step)
    phase.step += 1
    phase.processed += rows.numel()
    return {"loss": losses, **terms}


@torch.no_grad()
def _validate(phase: Phase, epoch: int, patience: int) -> None:
    """Compute the validation bound of every replicate, with the same noise in every epoch."""
    context, stack = phase.context, phase.stack
    stack.train(False)
    training, n_train, rows = context.training, context.n_train, context.validation
    seeds = [one.seed for one in phase.replicates]
    generators = randomness.generators(seeds, "validation")

    def measure(terms: LossTerms) -> Tensors:
        measured = objective.bound(terms, n_train, training.objective)
        return {**objective.summary(terms, n_train), "bound": measured}

    means: dict[str, Tensor] = {}
    for part in rows.split(VALIDATION_CELLS):
        # Without patience nothing depends on the bound.
        enough = min(MOST_VALIDATION_DRAWS, -(-VALIDATION_DRAWS // len(rows))) if patience else 1
        n_draws = max(training.n_samples, enough)
        noise = randomness.draw(
            stack.skeleton.noise(len(part)), n_draws, generators, context.device
        )
        terms = stack.values(measure, context.cells.minibatch, part, noise)
        share = len(part) / len(rows)
        means = {name: means.get(name, 0.0) + share * value for name, value in terms.items()}
    context.curves.add("validation", phase.first_step + phase.step, epoch, seeds, means)
    for index, one in enumerate(phase.replicates):
        bound = float(means["bound"][index])
        one.update(bound, epoch, stack.state, index, always=not patience)
