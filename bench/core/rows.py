"""The tidy rows everything ends in, and what can become of a run."""

from typing import Literal

Status = Literal["ok", "diverged", "failed", "timeout", "out_of_memory"]
"""``ok``: trained, read out and scored.  ``diverged``: its loss stopped being a number."""

SCORES = ("dataset", "task", "split", "run", "model", "seed", "metric", "value")
"""Columns of ``scores.csv``: one row is one score, raw, in natural units."""

RUN_KEYS = ("dataset", "task", "split", "run", "model", "seed")

RUNS = (
    *RUN_KEYS,
    "status",
    "reason",
    "train_seconds",
    "epochs",
    "cells_per_second",
    "peak_memory_mb",
    "device",
    "n_parameters",
)
"""Columns of ``runs.csv``: one row per run, split and seed; failures are rows too."""

CURVES = ("step", "epoch", "seed", "part", "term", "value")
"""Columns of ``curve.parquet``; ``part`` is ``train`` or ``validation``, values nats per cell."""

METRICS = ("metric", "label", "better", "lowest", "highest", "unit", "sound", "reference")
"""Columns of ``metrics.csv``."""

SEARCH = (
    *("search", "dataset", "task", "metric", "better"),
    *("trial", "round", "run", "status", "reason", "value", "selected"),
)
"""Columns of ``search.csv``: one row per trial of a search, dataset and task; what was searched
follows, a column each.  ``value`` is that of ``metric`` on validation."""
