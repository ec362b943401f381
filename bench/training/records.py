"""Writes weights, curve and result of every replicate."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load, save
from torch import Tensor

from bench.core.files import replacing, write_bytes, write_json
from bench.core.rows import CURVES
from bench.results.layout import CURVE, RESULT, WEIGHTS, seed_folder
from bench.training.devices import name_of, peak_memory_mb
from bench.training.loop import Trained
from bench.training.stopping import EarlyStopping


def write_replicates(folder: Path, result: Trained, device: torch.device) -> None:
    """Weights, curve and result of every replicate, the result last."""
    curves = pd.DataFrame(result.curves.columns, columns=list(CURVES))
    costs = _costs(result, device) | {"stack": [replicate.seed for replicate in result.replicates]}
    for replicate in result.replicates:
        own = seed_folder(folder, replicate.seed)
        if not replicate.diverged:
            write_weights(own / WEIGHTS, replicate.best_state)
        with replacing(own / CURVE) as part:
            curves[curves["seed"] == replicate.seed].to_parquet(part, index=False)
        write_json(own / RESULT, _state(replicate) | {"costs": costs})


def write_weights(path: Path, state: dict[str, Tensor]) -> None:
    """Write a state dict as safetensors, a format that cannot execute code."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    write_bytes(path, save(plain))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from :func:`write_weights`."""
    return load(path.read_bytes())


def _state(replicate: EarlyStopping) -> dict[str, Any]:
    """The status of one replicate."""
    if replicate.diverged:
        reason = f"the loss was not a number at step {replicate.diverged_at}"
        return {"status": "diverged", "reason": reason, "epochs": replicate.epochs}
    return {"status": "ok", "epochs": replicate.epochs, "best_epoch": replicate.best_epoch + 1}


def _costs(result: Trained, device: torch.device) -> dict[str, Any]:
    """Costs of the whole stack; seconds and memory are shared by its replicates."""
    return {
        "train_seconds": round(result.seconds, 3),
        "cells_per_second": round(result.cells / result.seconds, 1),
        "peak_memory_mb": round(peak_memory_mb(device), 1),
        "device": name_of(device),
        "n_parameters": result.n_parameters,
    }
