"""Arrays of every kind that a metric takes, with little or nothing in them."""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.dataset import UNKNOWN
from bench.core.problem import Problem

N_GENES, N_TREATMENTS = 6, 3

CASES: dict[str, dict[str, Any]] = {
    "a constant latent": {"constant": True},
    "one batch": {"n_batches": 1},
    "one type": {"n_types": 1},
    "a batch and a type per cell": {"n_batches": 40, "n_types": 40},
    "two cells": {"n_cells": 2},
    "two cells of one label": {"n_cells": 2, "n_batches": 1, "n_types": 1},
    "no cell with a label": {"labelled": False},
    "nothing at all": {"constant": True, "n_batches": 1, "n_types": 1},
}


def problem(
    n_cells: int = 40, n_batches: int = 2, n_types: int = 2, labelled: bool = True, **_: Any
) -> Problem:
    """Cells with batches and types."""
    batch, kind = _labels(n_cells, n_batches, "b"), _labels(n_cells, n_types, "t")
    nothing = np.full(n_cells, UNKNOWN)
    return Problem(
        counts=csr_matrix((n_cells, N_GENES), dtype=np.int64),
        role=np.zeros(n_cells, dtype=np.int8),
        scored_rows=np.arange(n_cells),
        labels={"batch": batch, "cell_type": kind}
        if labelled
        else dict.fromkeys(LABELLED, nothing),
    )


LABELLED = ("batch", "cell_type")


def arrays(
    n_cells: int = 40, n_types: int = 2, constant: bool = False, labelled: bool = True, **_: Any
) -> dict[str, Any]:
    """What readouts and tasks may give for these cells."""
    rng = np.random.default_rng(0)

    def positive(*shape: int) -> Any:
        return np.ones(shape) if constant else rng.gamma(2.0, 1.0, shape)

    latent = np.zeros((n_cells, 3)) if constant else rng.normal(size=(n_cells, 3))
    masked = np.arange(n_cells * N_GENES).reshape(n_cells, N_GENES) % 2 == 0
    counts = positive(n_cells, N_GENES).astype(np.int64)
    return {
        **_classes(latent, n_types, labelled),
        **_effects(latent),
        **{name: -positive(n_cells) for name in ("elbo_per_cell", "iwelbo_per_cell")},
        "latent": latent.astype(np.float32),
        "uncorrected": latent.astype(np.float32),
        "true_latent": latent[:, :2],
        "marginal_loglik_per_cell": -positive(n_cells),
        "reconstruction_per_cell": positive(n_cells),
        "library": 10 * positive(n_cells),
        **{name: positive(n_cells, N_GENES) for name in RATES},
        "rate_variance": positive(n_cells, N_GENES) * (not constant),
        "second_counts": counts,
        "masked": masked,
        "masked_counts": counts[masked],
        "observed_counts": counts[~masked],
        "changed": masked,
        "changed_counts": counts[masked],
        "gene_variance": 0 * positive(N_GENES) if constant else positive(N_GENES),
        "predictive_gene_variance": positive(5, N_GENES),
        "gene_zero_fraction": np.full(N_GENES, 0.5),
        "predictive_gene_zero_fraction": np.full((5, N_GENES), 0.5),
    }


RATES = (
    *("fitted_mean", "fitted_mean_plugin", "drawn_rate"),
    *("expected_counts", "expected_counts_plugin"),
)


def _labels(n_cells: int, n_levels: int, prefix: str) -> Any:
    """Every batch has cells of every type, where there are enough cells."""
    every = 1 if 4 * n_levels > n_cells else {"b": 2, "t": 4}[prefix]
    return np.array([f"{prefix}{(n // every) % n_levels:02}" for n in range(n_cells)])


def _classes(latent: Any, n_types: int, labelled: bool) -> dict[str, Any]:
    kind = _labels(len(latent), n_types, "t")
    known = np.where((np.arange(len(latent)) % 2 == 0) & labelled, kind, "")
    n_known = len(set(known.tolist()) - {""})
    even = np.full((len(latent), n_known), 1 / max(n_known, 1))
    true_type = kind if labelled else np.full(len(latent), UNKNOWN)
    probabilities = dict.fromkeys(("class_probability", "class_probability_plugin"), even)
    return {"known_type": known, "true_type": true_type, **probabilities}


def _effects(latent: Any) -> dict[str, Any]:
    n = min(len(latent), N_TREATMENTS)
    effect = latent[:n].repeat(2, axis=1)
    names = ("data_effect", "effect", "counterfactual_effect", "data_effect_as_published")
    true_mask = np.full((N_TREATMENTS, 2), bool(latent.any()))
    return {
        **dict.fromkeys((*names, "effect_as_published"), effect),
        "mean_training_effect": effect.mean(0),
        "target_gene": np.zeros((n, N_GENES), dtype=bool),
        "observed_cells": latent,
        "observed_perturbation": np.arange(len(latent)) % n,
        "predicted_cells": np.stack([latent] * n),
        "mask_probability": np.full((N_TREATMENTS, 3), 0.5),
        "treatment_names": np.array(["a", "b", "c"]),
        "true_mask": true_mask,
    }
