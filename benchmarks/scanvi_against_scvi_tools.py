"""Our scANVI beside scvi-tools' SCANVI: few labels, the same cells, the same budget.

    pip install -e '.[peers]'
    python benchmarks/scanvi_against_scvi_tools.py counts.h5ad --cell-type cell_type --per-class 10

Both learn from the problem that the task ``few_labels`` poses: the same training cells, of which
the same few are labelled; both are scored by the same metrics on the same hidden cells.  scvi-tools
runs with its own defaults: scVI first, then SCANVI started from it, 100 labels per class and epoch
at most.  One seed after the other there; ours train together.  One thread each.

Over ``--warm-up`` epochs of either phase the weight of the KL grows to ``--kl-weight`` on both
sides.  Without them ours has none, and theirs its own, over 400 epochs: in 10 epochs it grows to
1/40, which ``--warm-up 10 --kl-weight 0.025`` makes of ours too.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.catalogue import card, metric
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.seeds import numpy_generator
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.minibatches import training_cells
from bench.training.reading_out import read_out
from bench.training.replicate import open_run

CPU = torch.device("cpu")
METRICS = ("balanced_accuracy", "accuracy", "macro_f1", "log_loss")
UNLABELLED = "unlabelled"

Scores = list[list[float]]
"""Per seed, the values of :data:`METRICS`."""


def posed(options: Any) -> Problem:
    """The cells of a file with few labels."""
    dataset, task = card("data", "h5ad"), card("tasks", "few_labels")
    places = {"batch": options.batch, "cell_type": options.cell_type}
    config = dataset.config(path=str(options.counts), n_top_genes=options.genes, **places)
    generator = numpy_generator("split", options.counts.stem, "few_labels", 1)
    return task.problem_of(
        dataset.load(config, {}), task.config(per_class=options.per_class), 1, generator
    )


def scored(problem: Problem, probability: NDArray[Any]) -> list[float]:
    """The metrics of (scored, known type) probabilities."""
    arrays = {
        "class_probability": probability,
        "known_type": problem.labels[KNOWN_TYPE][problem.scored_rows],
        "true_type": problem.targets["true_type"],
    }
    return [metric(name).value(arrays) for name in METRICS]


def train_ours(problem: Problem, options: Any) -> tuple[Scores, float]:
    """Scores of each seed, and seconds for all of them together."""
    variant, readout = card("models", "scanvi"), card("readouts", "class_probability")
    hyperparameters = variant.config(alpha=options.alpha, dropout=options.dropout)
    budget = {"pretrain_epochs": options.pretrain, "max_epochs": options.epochs}
    config = TrainingConfig(**{**variant.training, **budget})
    if options.warm_up:
        cells = training_cells(problem, config.batch_size, config.labelled_share, CPU)
        steps = options.warm_up * cells.steps_per_epoch
        config = replace(config, kl_warmup_steps=steps, kl_weight=options.kl_weight)
    seeds = range(options.seeds)
    result = train(problem, variant, hyperparameters, config, seeds, CPU, lambda *_: None)
    run, scores = open_run(problem, variant, hyperparameters, CPU), []
    for one in result.replicates:
        asked = {"benchmark": (readout, readout.config())}
        arrays = read_out(run, problem, one.best_state, one.seed, asked)
        scores.append(scored(problem, arrays["class_probability"]))
    return scores, result.seconds


def train_theirs(problem: Problem, options: Any) -> tuple[Scores, float]:
    """The same by scvi-tools."""
    import anndata
    import pandas as pd
    import scvi

    known = problem.labels[KNOWN_TYPE]
    batch = problem.labels.get("batch", np.zeros(len(known), dtype=str))
    labels = {"batch": batch, "label": np.where(known == "", UNLABELLED, known)}
    cells = anndata.AnnData(
        problem.counts.astype(np.float32), obs=pd.DataFrame(labels).astype("category")
    )
    cells.obs_names = [str(n) for n in range(cells.n_obs)]
    split = [problem.rows(role) for role in (TRAIN, VALIDATION, TEST)]
    quiet: dict[str, Any] = {"accelerator": "cpu", "batch_size": 128, "enable_progress_bar": False}
    quiet |= {"logger": False, "enable_model_summary": False, "enable_checkpointing": False}
    if options.warm_up:
        quiet["plan_kwargs"] = {
            "n_epochs_kl_warmup": options.warm_up,
            "max_kl_weight": options.kl_weight,
        }
    scores, seconds = [], 0.0
    for seed in range(options.seeds):
        scvi.settings.seed = seed
        scvi.model.SCVI.setup_anndata(cells, batch_key="batch", labels_key="label")
        started = perf_counter()
        first = scvi.model.SCVI(cells)
        first.train(options.pretrain, datasplitter_kwargs={"external_indexing": split}, **quiet)
        model = scvi.model.SCANVI.from_scvi_model(first, unlabeled_category=UNLABELLED)
        model.train(
            options.epochs,
            n_samples_per_label=100,
            datasplitter_kwargs={"external_indexing": split},
            **quiet,
        )
        seconds += perf_counter() - started
        soft = model.predict(indices=problem.scored_rows, soft=True)
        kinds = [kind for kind in np.unique(known) if kind]
        scores.append(scored(problem, soft[kinds].to_numpy()))
    return scores, seconds


def main() -> None:
    """Parse, train both, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("--cell-type", default="cell_type")
    parser.add_argument("--batch", default="")
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--per-class", type=int, default=10)
    parser.add_argument("--pretrain", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=0, help="epochs; 0: each its own")
    parser.add_argument("--kl-weight", type=float, default=1.0)
    parser.add_argument("--alpha", type=float, default=50.0, help="of ours; theirs has 50")
    parser.add_argument("--dropout", type=float, default=0.1, help="of ours; theirs has 0.1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem = posed(options)
    print(f"{'':12}  {'':8}" + "".join(f"  {name:>17}" for name in METRICS))
    for name, how in (("ours", train_ours), ("scvi-tools", train_theirs)):
        scores, seconds = how(problem, options)
        values = "".join(
            f"  {mean:9.4f} ({sd:.4f})"
            for mean, sd in zip(np.mean(scores, 0), np.std(scores, 0, ddof=1), strict=True)
        )
        print(f"{name:12}  {seconds:6.0f} s{values}", flush=True)


if __name__ == "__main__":
    main()
