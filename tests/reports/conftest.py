"""A made-up study of the right format: who is best is known, because it was written down here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.core import rows
from bench.core.task import Controls
from bench.results.layout import CURVE, seed_folder

RANKED_BY = {"thinned_counts": "heldout_poisson_loglik", "masked_entries": "imputation_loss"}
MEANS = {
    # run: (kind, model, role, mean on the scale where 0 is the floor and 1 the ceiling, seed sd)
    "nbvae.n_latent-3": ("models", "nbvae", "competitor", 0.82, 0.010),
    "nbvae.n_latent-10": ("models", "nbvae", "competitor", 0.86, 0.010),
    "zinbvae": ("models", "zinbvae", "competitor", 0.855, 0.012),
    "pvae": ("models", "pvae", "competitor", 0.55, 0.02),
    "nmf.rank-10": ("baselines", "nmf", "competitor", 0.75, 0.002),
    "pca": ("baselines", "pca", "competitor", 0.40, 0.0),
    "rank_one": ("baselines", "rank_one", "competitor", 0.70, 0.0),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
    "oracle": ("baselines", "oracle", "ceiling", 1.0, 0.0),
}
METRICS = [
    ("heldout_poisson_loglik", "Held-out Poisson", "higher", -np.inf, 0, "nats per entry", True),
    ("imputation_loss", "Imputation loss", "lower", 0, np.inf, "nats per entry", True),
    ("elbo", "ELBO", "higher", -np.inf, np.inf, "nats per cell", True),
    ("imputation_loss.as_published", "As published", "lower", 0, np.inf, "nats", False),
]
CONTROLS = Controls(floors=("mean",), ceilings=("oracle",))
Means = Mapping[str, tuple[str, str, str, float, float]]


def write_study(
    folder: Path,
    *,
    datasets: tuple[str, ...] = ("thinning_example", "pbmc68k_reduced"),
    tasks: tuple[str, ...] = tuple(RANKED_BY),
    means: Means = MEANS,
    n_seeds: int = 5,
    n_splits: int = 1,
    without_truth: tuple[str, ...] = ("pbmc68k_reduced",),
    failing: Callable[[str, int], str] = lambda run, seed: "ok",
    n_epochs: int = 0,
    controls: Controls = CONTROLS,
) -> Path:
    """Write every file the report reads; ``failing(run, seed)`` is the status of a replicate.

    ``controls`` are those of every task.
    """
    plan, runs, scores = [], [], []
    for d, dataset in enumerate(datasets):
        for task in tasks:
            for run, (kind, model, role, at, sd) in means.items():
                if model == "oracle" and dataset in without_truth:
                    continue
                for split in range(1, n_splits + 1):
                    place = {"dataset": dataset, "task": task, "split": split, "run": run}
                    plan.append({**place, "kind": kind, "model": model, "label": run, "role": role})
                    noise = np.random.default_rng([len(run), sum(map(ord, run)), d, split])
                    for seed in range(1, n_seeds + 1):
                        where = {**place, "model": model, "seed": seed}
                        status = failing(run, seed)
                        runs.append(_record(where, status, kind, noise))
                        value = at + sd * noise.normal()
                        if status == "ok":
                            scores += _scores(where, task, value, kind)
                    if kind == "models" and n_epochs:
                        _write_curve(folder, place, at, n_seeds, n_epochs, noise)
    folder.mkdir(parents=True, exist_ok=True)
    _table(scores, rows.SCORES).to_csv(folder / "scores.csv", index=False)
    _table(runs, rows.RUNS).to_csv(folder / "runs.csv", index=False)
    pd.DataFrame(plan).to_csv(folder / "plan.csv", index=False)
    metrics = [(name, name.partition(".")[0], *facts, "a reference") for name, *facts in METRICS]
    pd.DataFrame(metrics, columns=list(rows.METRICS)).to_csv(folder / "metrics.csv", index=False)
    provenance = _provenance(datasets, n_seeds, n_splits)
    provenance["controls"] = dict.fromkeys(tasks, asdict(controls))
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def _scores(where: Mapping[str, Any], task: str, at: float, kind: str) -> list[dict[str, Any]]:
    """``at`` on the axis from floor to ceiling, in the units of the task's metric."""
    if task == "thinned_counts":
        found = {"heldout_poisson_loglik": -1.25 + 0.5 * at}
    else:
        found = {"imputation_loss": 1.9 - 0.7 * at, "imputation_loss.as_published": 0.4 - 0.1 * at}
    if kind == "models":
        found["elbo"] = -900 + 100 * at
    return [{**where, "metric": metric, "value": value} for metric, value in found.items()]


def _record(
    where: Mapping[str, Any], status: str, kind: str, noise: np.random.Generator
) -> dict[str, Any]:
    scale = 30.0 if kind == "models" else 0.5
    return {
        **where,
        "status": status,
        "stage": "" if status == "ok" else "train",
        "reason": "" if status == "ok" else "loss became NaN at epoch 12 <of 400>",
        "train_seconds": scale * np.exp(0.4 * noise.normal()),
        "epochs": 100 if kind == "models" else 0,
        "cells_per_second": 2e4,
        "peak_memory_mb": 300.0,
        "device": "cpu",
        "n_parameters": 12345 if kind == "models" else 600,
    }


def _write_curve(
    folder: Path,
    place: Mapping[str, Any],
    at: float,
    n_seeds: int,
    n_epochs: int,
    noise: np.random.Generator,
) -> None:
    kept = []
    for seed in range(1, n_seeds + 1):
        epochs = np.arange(1, n_epochs - int(noise.integers(n_epochs // 3)) + 1)
        for part, shift in (("train", 3.0), ("validation", 0.0)):
            decay = np.exp(-epochs / 30) + 0.004 * noise.normal(size=len(epochs))
            kl = 14 * at * (1 - np.exp(-epochs / 20)) + 0.1 * noise.normal(size=len(epochs))
            reconstruction = 800 - 60 * at + 300 * decay - shift
            terms = {"bound": -reconstruction - kl, "reconstruction": reconstruction, "kl_z": kl}
            for term, values in terms.items():
                frame = {"step": 10 * epochs, "epoch": epochs, "seed": seed, "part": part}
                kept.append(pd.DataFrame(frame | {"term": term, "value": values}))
    address = Path(*(str(place[key]) for key in ("dataset", "task", "split", "run")))
    for seed, table in pd.concat(kept, ignore_index=True).groupby("seed"):
        path = seed_folder(folder / "runs" / address, int(str(seed))) / CURVE
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)


def _provenance(datasets: tuple[str, ...], n_seeds: int, n_splits: int) -> dict[str, Any]:
    return {
        "study": {
            "name": "made_up",
            "title": "Count VAEs against honest baselines",
            "resolved": {"seeds": n_seeds, "splits": n_splits, "datasets": list(datasets)},
        },
        "ranked_by": RANKED_BY,
        "skipped": [
            {"run": "oracle", "dataset": "pbmc68k_reduced", "task": "all", "reason": "no truth"}
        ],
        "remarks": [
            {
                "dataset": "pbmc68k_reduced",
                "task": "masked_entries",
                "split": 1,
                "remark": "200 of 400 cells are copies of another cell",
            }
        ],
        "versions": {"python": "3.11.9", "torch": "2.13.0", "scvaebench": "0.1.0"},
        "commit": "0123456789abcdef",
        "hardware": {"cpu": "two cores", "memory_gb": 8},
        "data": {
            name: {
                "sha256": "ab" * 32,
                "repairs": ["12 cells without counts were left out"],
                "n_cells": 1000,
                "n_genes": 200,
                "reference": "a paper (2019)",
                "licence": "CC BY 4.0",
            }
            for name in datasets
        },
    }


def _table(records: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(records, columns=list(columns))


@pytest.fixture
def study_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a made-up study with these particulars and say where it lies."""
    return lambda **particulars: write_study(tmp_path / "study", **particulars)
