"""What a training leaves in its run's folder."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bench.core.files import replacing, write_json
from bench.core.rows import CURVES
from bench.training.devices import name_of, peak_memory_mb
from bench.training.loop import Trained


def trained(folder: Path, result: Trained, device: torch.device) -> None:
    """Write ``states.pt``, ``curve.parquet`` and ``trained.json``, the last one last."""
    states = {w.seed: w.best_state for w in result.watches if not w.diverged}
    with replacing(folder / "states.pt") as part:
        torch.save(states, part)
    with replacing(folder / "curve.parquet") as part:
        pd.DataFrame(result.curves.columns, columns=list(CURVES)).to_parquet(part, index=False)
    seeds = {str(watch.seed): _seed(watch) for watch in result.watches}
    write_json(folder / "trained.json", {"costs": _costs(result, device), "seeds": seeds})


def _seed(watch: Any) -> dict[str, Any]:
    """What became of one seed."""
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
