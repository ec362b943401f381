"""Columns of the tables of a study, and the possible statuses of a run."""

from typing import Literal

Status = Literal["ok", "diverged", "failed", "timeout", "out_of_memory", "pending"]
"""``ok``: trained, read out and scored.  ``diverged``: its loss became NaN or infinite.
``pending``: not finished yet, in the report of an unfinished study."""

SCORES = ("dataset", "task", "split", "run", "model", "seed", "metric", "value")
"""Columns of ``scores.csv``: one row is one score, raw, in natural units."""

RUN_KEYS = ("dataset", "task", "split", "run", "model", "seed")

RUNS = (
    *RUN_KEYS,
    "status",
    "stage",
    "reason",
    "train_seconds",
    "epochs",
    "cells_per_second",
    "peak_memory_mb",
    "device",
    "n_parameters",
)
"""Columns of ``runs.csv``: one row per run, split and seed; failures are rows too, with the stage
at which they failed."""

UNSCORED = (*RUN_KEYS, "metric", "status", "reason")
"""Columns of ``unscored.csv``: one row for every missing score.  ``status`` is ``not_applicable``
if the metric is undefined for the data, ``failed`` if it raised or returned an invalid value."""

CURVES = ("step", "epoch", "seed", "part", "term", "value")
"""Columns of ``curve.parquet``; ``part`` is ``train`` or ``validation``, values in nats per cell
except ``mask_likely``, ``mask_on`` and ``mask_off``: the shares of a mask's entries whose
probability is at least 0.5, at least 0.8, and at most 0.2."""

METRICS = (
    *("metric", "measure", "label", "better", "lowest", "highest"),
    *("unit", "sound", "reference"),
)
"""Columns of ``metrics.csv``; ``metric`` is ``measure`` or ``measure.view``."""

SEARCH = (
    *("search", "dataset", "task", "metric", "better"),
    *("trial", "round", "run", "status", "reason", "value", "selected"),
)
"""Columns of ``search.csv``: one row per trial of a search, dataset and task; one column per
searched parameter follows.  ``value`` is that of ``metric`` on validation."""

DIFFERENCES = (
    *("dataset", "task", "metric", "run", "reference"),
    *("difference", "low", "high", "n"),
)
"""Columns of ``differences.csv``: every run compared with the reference of the study, by metric,
paired by split and seed, in the unit of the metric; positive is better; ``n`` pairs."""

TREATMENTS = ("treatment", "latent", "mask_probability", "embedding", "seed")
"""Columns of a run's ``treatments.csv``; latents are counted from 0."""

PERTURBATION_SCORES = ("perturbation", "seed", "correlation", "n_cells", "observed_size")
"""Columns of a run's ``perturbation_scores.parquet``: correlation of predicted and observed effect,
number of scored cells of the perturbation, and Euclidean length of the observed effect."""


def for_spreadsheet(text: str) -> str:
    """The text in a form that a spreadsheet does not interpret as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
