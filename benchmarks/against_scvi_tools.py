"""Our scVI beside scvi-tools': the same numbers from the same weights, and as good from scratch.

    pip install -e '.[peers]'
    python benchmarks/against_scvi_tools.py counts.h5ad --batch batch --epochs 30 --seeds 5

Trains both on the same split with the same budget, each with its own seeds, and measures the test
ELBO of both with one estimator: scvi-tools' weights are copied into our module.
"""

import argparse
from pathlib import Path
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

CPU = torch.device("cpu")


PLACES = (
    ("z_encoder.encoder.fc_layers.Layer ", "inference.z.tower.layers."),
    ("z_encoder.mean_encoder", "inference.z.mean"),
    ("z_encoder.var_encoder", "inference.z.log_variance"),
    ("l_encoder.encoder.fc_layers.Layer ", "inference.library.tower.layers."),
    ("l_encoder.mean_encoder", "inference.library.mean"),
    ("l_encoder.var_encoder", "inference.library.log_variance"),
    ("decoder.px_decoder.fc_layers.Layer ", "generation.tower.layers."),
    ("decoder.px_scale_decoder.0", "generation.share"),
    ("decoder.px_dropout_decoder", "generation.dropout_logit"),
    ("decoder.px_r_decoder", "generation.theta.decoded"),
)
"""How names begin in scvi-tools' ``VAE``, and in our ``scvi``."""


def our_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """scvi-tools' ``VAE`` state under the names of our ``scvi``."""
    ours = renamed(state, PLACES)
    if "px_r" in state:
        theta = state["px_r"]
        ours["generation.theta.log_theta"] = theta[None] if theta.dim() == 1 else theta.T
        # The module holds the unused decoder of theta for each cell all the same.
        ours = {k: v for k, v in ours.items() if not k.startswith("generation.theta.decoded")}
    return ours


def renamed(state: dict[str, Tensor], places: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    """What of a state begins as one of the places says, under its other beginning."""
    names = {name: _renamed(name, places) for name in state}
    return {names[name]: value for name, value in state.items() if names[name]}


def _renamed(name: str, places: tuple[tuple[str, str], ...]) -> str:
    """One name, empty for what ours has no place for."""
    for theirs, mine in places:
        if name.startswith(theirs):
            rest = name.removeprefix(theirs)
            if theirs.endswith("Layer "):
                number, part, *field = rest.split(".")
                rest = ".".join([number, {"0": "linear", "1": "norm"}[part], *field])
            return mine + rest
    return ""


def posed(path: Path, batch: str) -> Problem:
    """The cells of a file, held out as the task ``held_out_cells`` does."""
    dataset, task = card("data", "h5ad"), card("tasks", "held_out_cells")
    data = dataset.load(dataset.config(path=str(path), batch=batch), {})
    return task.make_problem(data, task.config(), 1, numpy_generator("split", path.stem, 1))


def test_elbo(problem: Problem, state: dict[str, Tensor], seed: int) -> float:
    """Mean ELBO of the test cells, nats per cell, by our readout."""
    variant, readout = card("models", "scvi"), card("readouts", "bounds")
    run = open_run(problem, variant, variant.config(), CPU)
    asked = {"bounds": (readout, readout.config(n_samples=25))}
    arrays = read_out(run, problem, state, seed, asked)
    return float(arrays["elbo_per_cell"].mean())


def train_ours(problem: Problem, epochs: int, seeds: list[int]) -> tuple[list[float], float]:
    """Test ELBO of each seed, and seconds for all of them together."""
    variant = card("models", "scvi")
    steps = epochs * -(-len(problem.rows(TRAIN)) // 128)
    config = TrainingConfig(
        max_epochs=epochs, patience=0, kl_warmup_steps=steps // 3, **variant.training
    )
    result = train(problem, variant, variant.config(), config, seeds, CPU, lambda *_: None)
    states = [replicate.best_state for replicate in result.replicates]
    return [test_elbo(problem, s, n) for s, n in zip(states, seeds, strict=True)], result.seconds


def train_theirs(problem: Problem, epochs: int, seeds: list[int]) -> tuple[list[float], float]:
    """The same by scvi-tools, one seed after the other."""
    import anndata
    import pandas as pd
    import scvi

    cells = anndata.AnnData(
        problem.counts.astype(np.float32),
        obs=pd.DataFrame({"batch": problem.labels["batch"]}).astype("category"),
    )
    cells.obs_names = [str(n) for n in range(cells.n_obs)]
    split = [problem.rows(role) for role in (TRAIN, VALIDATION, TEST)]
    steps = epochs * -(-len(split[0]) // 128)
    variant = card("models", "scvi")
    wanted = variant.build(facts_of(problem), variant.config()).state_dict().keys()
    found, seconds = [], 0.0
    for seed in seeds:
        scvi.settings.seed = seed
        scvi.model.SCVI.setup_anndata(cells, batch_key="batch")
        model = scvi.model.SCVI(cells)
        started = perf_counter()
        model.train(
            max_epochs=epochs,
            accelerator="cpu",
            batch_size=128,
            datasplitter_kwargs={"external_indexing": split},
            plan_kwargs={"n_epochs_kl_warmup": None, "n_steps_kl_warmup": steps // 3},
            enable_progress_bar=False,
            logger=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        seconds += perf_counter() - started
        state = {k: v for k, v in our_names(model.module.state_dict()).items() if k in wanted}
        found.append(test_elbo(problem, state, seed))
    return found, seconds


def main() -> None:
    """Parse, train both, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("--batch", default="batch")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    options: Any = parser.parse_args()
    torch.set_num_threads(1)
    problem, seeds = posed(options.counts, options.batch), list(range(options.seeds))
    print(f"{'':12}  {'test ELBO':>10}  {'s.e.':>6}  {'seconds':>8}")
    for name, how in (("ours", train_ours), ("scvi-tools", train_theirs)):
        elbos, seconds = how(problem, options.epochs, seeds)
        error = np.std(elbos, ddof=1) / len(elbos) ** 0.5 if len(elbos) > 1 else float("nan")
        print(f"{name:12}  {np.mean(elbos):10.2f}  {error:6.2f}  {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
