"""Our training beside a loop over scvi-tools: same data, architecture, batch size and epochs.

    pip install -e '.[peers]'
    python -m benchmarks.training counts.h5ad --pairs 5

Trains scVI (ZINB) with both in turn, on one thread, and prints cells per second of every pair and
the median of the ratios; the loading of the data and the imports are not counted.  ``--replicates``
trains so many seeds, ours in one run, scvi-tools one after the other.  ``--bounds N`` also trains N
seeds with each for the same epochs and compares the test bounds, which one estimator measures
(scvi-tools' weights are copied into our module).  ``--variant`` measures ours alone.
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import mean, median, stdev
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.seeds import numpy_generator
from bench.training.cells import facts_of
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.reading_out import read_out
from bench.training.replicate import open_run
from benchmarks.names_of_scvi_tools import our_names

CPU = torch.device("cpu")
BATCH = 128


def problem_of(path: Path, batch: str) -> Problem:
    """The cells of a file, held out as the task ``held_out_cells`` does."""
    dataset, task = card("data", "h5ad"), card("tasks", "held_out_cells")
    data = dataset.load(dataset.config(path=str(path), batch=batch), {})
    return task.problem_of(data, task.config(), 1, numpy_generator("split", path.stem, 1))


def ours(
    problem: Problem, variant: str, epochs: int, seeds: Sequence[int]
) -> tuple[float, list[dict[str, Tensor]]]:
    """Cells per second of all seeds, and their weights."""
    entry = card("models", variant)
    config = TrainingConfig(**{**entry.training, **_training(problem, epochs)})
    result = train(problem, entry, entry.config(), config, list(seeds), CPU, lambda *_: None)
    return result.cells / result.seconds, [one.best_state for one in result.replicates]


def _training(problem: Problem, epochs: int) -> dict[str, Any]:
    """The same schedule as scvi-tools receives: the KL terms warm up over a third of the steps."""
    n_steps = epochs * -(-len(problem.rows(TRAIN)) // BATCH)
    keys = {"max_epochs": epochs, "patience": 0, "batch_size": BATCH, "pretrain_epochs": 0}
    return {**keys, "kl_warmup_steps": n_steps // 3}


class Theirs:
    """scvi-tools on the same cells and the same split."""

    def __init__(self, problem: Problem) -> None:
        import anndata
        import pandas as pd
        import scvi

        self.scvi, self.problem = scvi, problem
        labels = {name: problem.labels[name] for name in ("batch",) if name in problem.labels}
        names = [str(n) for n in range(problem.counts.shape[0])]
        obs = pd.DataFrame(labels, index=names).astype("category")
        self.cells = anndata.AnnData(problem.counts.astype(np.float32), obs=obs)
        scvi.model.SCVI.setup_anndata(self.cells, batch_key="batch" if labels else None)
        self.split = [problem.rows(role) for role in (TRAIN, VALIDATION, TEST)]

    def train(self, epochs: int, seeds: Sequence[int]) -> tuple[float, list[dict[str, Tensor]]]:
        """Cells per second of all seeds, one after the other, and their weights by our names."""
        seconds, states = 0.0, []
        n_steps = _training(self.problem, epochs)["kl_warmup_steps"]
        for seed in seeds:
            self.scvi.settings.seed = seed
            model = self.scvi.model.SCVI(self.cells)
            started = perf_counter()
            model.train(
                max_epochs=epochs,
                accelerator="cpu",
                batch_size=BATCH,
                datasplitter_kwargs={"external_indexing": self.split},
                plan_kwargs={"n_epochs_kl_warmup": None, "n_steps_kl_warmup": n_steps},
                enable_progress_bar=False,
                logger=False,
                enable_model_summary=False,
                enable_checkpointing=False,
            )
            seconds += perf_counter() - started
            states.append(our_names(model.module.state_dict()))
        return epochs * len(self.split[0]) * len(seeds) / seconds, states


def test_bound(problem: Problem, state: dict[str, Tensor], seed: int) -> float:
    """Mean ELBO of the test cells, nats per cell, by our readout."""
    variant, readout = card("models", "scvi"), card("readouts", "bounds")
    run = open_run(problem, variant, variant.config(), CPU)
    wanted = variant.build(facts_of(problem), variant.config()).state_dict().keys()
    asked = {"bounds": (readout, readout.config(n_samples=25))}
    known = {name: value for name, value in state.items() if name in wanted}
    return float(read_out(run, problem, known, seed, asked)["elbo_per_cell"].mean())


def main() -> None:
    """Parse, train both in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("--batch", default="", help="column of obs")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--replicates", type=int, default=1)
    parser.add_argument("--bounds", type=int, default=0)
    parser.add_argument("--variant", default="")
    options: Any = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    problem, seeds = problem_of(options.counts, options.batch), range(options.replicates)
    print(f"{options.counts.stem}: {' x '.join(map(str, problem.counts.shape))}")
    if options.variant:
        ours(problem, options.variant, 1, [0])
        runs = [ours(problem, options.variant, options.epochs, seeds) for _ in range(options.pairs)]
        print(f"{options.variant}: {median(run[0] for run in runs):,.0f} cells/s")
        return
    theirs = Theirs(problem)
    _compare_speed(problem, theirs, options, seeds)
    print(f"peak memory of this process: {getrusage(RUSAGE_SELF).ru_maxrss / 2**10:,.0f} MiB")
    if options.bounds:
        _compare_bounds(problem, theirs, options.epochs, range(options.bounds))


def _compare_speed(problem: Problem, theirs: Theirs, options: Any, seeds: Sequence[int]) -> None:
    ratios = []
    ours(problem, "scvi", 1, [0])
    theirs.train(1, [0])
    for _ in range(options.pairs):
        mine = ours(problem, "scvi", options.epochs, seeds)[0]
        other = theirs.train(options.epochs, seeds)[0]
        ratios.append(mine / other)
        print(f"ours {mine:,.0f} cells/s, scvi-tools {other:,.0f}: {ratios[-1]:.2f}", flush=True)
    print(f"median ratio, {len(seeds)} replicates: {median(ratios):.2f}")


def _compare_bounds(problem: Problem, theirs: Theirs, epochs: int, seeds: Sequence[int]) -> None:
    trained = {
        "ours": ours(problem, "scvi", epochs, seeds)[1],
        "scvi-tools": theirs.train(epochs, seeds)[1],
    }
    for name, states in trained.items():
        found = [test_bound(problem, state, n) for state, n in zip(states, seeds, strict=True)]
        error = stdev(found) / len(found) ** 0.5
        print(f"test ELBO of {name}: {mean(found):.2f}, standard error {error:.2f}")


if __name__ == "__main__":
    main()
