"""A small random example problem with every label and with missing entries."""

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.variant import Variant

N_CELLS, N_GENES = 96, 20
MISSING = 0.2
"""Fraction of missing entries."""


def example_problem(variant: Variant) -> Problem:
    """Gamma-Poisson counts, or their logarithms if the variant needs real numbers.

    Two batches, three cell types that are known for half of the cells, and four perturbations (the
    control included) of two treatments.  Labels are independent of the counts.
    """
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(1.0, 3.0, (N_CELLS, N_GENES)))
    missing = rng.random((N_CELLS, N_GENES)) < MISSING
    seen = np.where(missing, 0, counts)
    values = "values" in variant.needs
    visible = csr_matrix(np.log1p(seen).astype(np.float32) if values else seen)
    kinds = np.array(["a", "b", "c"])[np.arange(N_CELLS) % 3]
    labels = {
        "batch": np.array(["x", "y"])[np.arange(N_CELLS) % 2],
        "cell_type": kinds,
        KNOWN_TYPE: np.where(np.arange(N_CELLS) < N_CELLS // 2, kinds, ""),
        "perturbation": np.array(["control", "A", "A+B", "B"])[np.arange(N_CELLS) % 4],
    }
    role = np.select(
        [np.arange(N_CELLS) % 8 == 6, np.arange(N_CELLS) % 8 == 7], [VALIDATION, TEST], TRAIN
    ).astype(np.int8)
    return Problem(
        counts=visible,
        role=role,
        scored_rows=np.flatnonzero(role == TEST),
        masked=csr_matrix(missing),
        labels=labels,
        measured="values" if values else "counts",
        gene_names=np.array([f"gene_{j}" for j in range(N_GENES)]),
    )
