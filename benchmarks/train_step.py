"""How fast does a variant train, and what does another seed cost?

    python benchmarks/train_step.py --variant nbvae --genes 2000 --batch 128

All stacks train in one process, in turn, several rounds each, so that the load of the machine falls
on all of them alike; of each the median over rounds is shown.  A step is what a study pays:
minibatch, forward, backward, optimiser, and the share of the validation that falls on it.
"""

import argparse
from statistics import median

import torch

from bench.catalogue import card
from bench.core.problem import TRAIN, Problem
from bench.core.seeds import numpy_generator
from bench.training.config import TrainingConfig
from bench.training.devices import name_of
from bench.training.loop import train
from bench.training.session import session

SPARSE = 0.025
"""Factor on the simulated means: about nine in ten counts are zero."""


def main() -> None:
    """Measure and print one row per number of replicates."""
    options = _parser().parse_args()
    problem = posed(options.cells, options.genes)
    filled = problem.counts.nnz / (problem.counts.shape[0] * problem.counts.shape[1])
    with session("float32", options.threads) as device:
        print(f"{options.variant}, torch {torch.__version__}, {name_of(device)}, ", end="")
        print(f"{options.threads} threads, batch {options.batch}, {options.genes} genes, ", end="")
        print(f"{filled:.0%} of the counts not zero, {options.rounds} rounds")
        print("replicates  ms/step  cells/s  ms/step and replicate")
        for n, ms in measured(options, problem, device).items():
            cells = options.batch * n / ms * 1000
            print(f"{n:10d}  {ms:7.1f}  {cells:7.0f}  {ms / n:21.2f}")


def posed(n_cells: int, n_genes: int) -> Problem:
    """Sparse simulated counts with a tenth of the cells for validation."""
    dataset, task = card("data", "gamma_poisson"), card("tasks", "thinned_counts")
    data = dataset.load(dataset.config(n_cells=n_cells, n_genes=n_genes, scale=SPARSE), {})
    return task.problem_of(data, task.config(max_scored_cells=1), 1, numpy_generator("benchmark"))


def measured(
    options: argparse.Namespace, problem: Problem, device: torch.device
) -> dict[int, float]:
    """Median milliseconds of a step by number of replicates."""
    times: dict[int, list[float]] = {n: [] for n in options.replicates}
    for _ in range(1 + options.rounds):
        for n, found in times.items():
            found.append(one_round(options, problem, device, n))
    # The first round warms caches and allocators.
    return {n: median(found[1:]) for n, found in times.items()}


def one_round(
    options: argparse.Namespace, problem: Problem, device: torch.device, n_replicates: int
) -> float:
    """Milliseconds per step of one short training of a stack."""
    variant = card("models", options.variant)
    config = TrainingConfig(max_epochs=options.epochs, batch_size=options.batch, patience=0)
    seeds = range(n_replicates)
    result = train(problem, variant, variant.config(), config, seeds, device, lambda *_: None)
    steps = options.epochs * -(-len(problem.rows(TRAIN)) // options.batch)
    return 1000 * result.seconds / steps


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", default="nbvae", help="a name on the shelf or a path")
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--cells", type=int, default=1423, help="nine tenths of them train")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2, help="per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--replicates", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    return parser


if __name__ == "__main__":
    main()
