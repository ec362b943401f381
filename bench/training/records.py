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


def write_replicates(folder: Path, result: Trained, device: torch.device) -> None:
    """Weights, curve and result of every replicate, the result last."""
    curves = pd.DataFrame(result.curves.columns, columns=list(CURVES))
    costs = _costs(result, device) | {"stack": [watch.seed for watch in result.watches]}
    for watch in result.watches:
        own = seed_folder(folder, watch.seed)
        if not watch.diverged:
            write_weights(own / WEIGHTS, watch.best_state)
        with replacing(own / CURVE) as part:
            curves[curves["seed"] == watch.seed].to_parquet(part, index=False)
        write_json(own / RESULT, _state(watch) | {"costs": costs})


def write_weights(path: Path, state: dict[str, Tensor]) -> None:
    """Write a state dict as safetensors, a format that cannot execute code."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    write_bytes(path, save(plain))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from :func:`write_weights`."""
    return load(path.read_bytes())


def _state(watch: Any) -> dict[str, Any]:
    """The status of one replicate."""
    if watch.diverged:
        reason = f"the loss was not a number at step {watch.diverged_at}"
        return {"status": "diverged", "reason": reason, "epochs": watch.epochs}
    return {"status": "ok", "epochs": watch.epochs, "best_epoch": watch.best_epoch + 1}


def _costs(result: Trained, device: torch.device) -> dict[str, Any]:
    """Costs of the whole stack; seconds and memory are shared by its replicates."""
    return {
        "train_seconds": round(result.seconds, 3),
        "cells_per_second": round(result.cells / result.seconds, 1),
        "peak_memory_mb": round(peak_memory_mb(device), 1),
        "device": name_of(device),
        "n_parameters": result.n_parameters,
    }
