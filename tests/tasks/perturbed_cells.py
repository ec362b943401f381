"""Cells with made-up perturbations, for tests of the tasks about them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.catalogue import card
from bench.core.dataset import CountData
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem
from bench.core.seeds import numpy_generator

ALONE = tuple("ABCDEF")
JUDGED = ("A+B", "A+C", "B+C", "C+D", "D+E", "E+F")
"""Combinations of treatments that are also given alone."""
NOT_JUDGED = ("A+X", "X+Y")
SIZES = {"control": 40, **dict.fromkeys((*ALONE, *JUDGED, *NOT_JUDGED), 20)}
"""Cells of each perturbation."""

N_GENES = 8


def cells(sizes: Mapping[str, int] = SIZES, seed: int = 0) -> CountData:
    """So many cells of each perturbation, in random order, with counts that mean nothing."""
    rng = np.random.default_rng(seed)
    given = rng.permutation(np.repeat(list(sizes), list(sizes.values())))
    return CountData(
        counts=csr_matrix(1 + rng.poisson(3.0, size=(len(given), N_GENES))),
        cell_names=np.arange(len(given)).astype(str),
        gene_names=np.array([*"ABC", *(f"g{gene}" for gene in range(3, N_GENES))]),
        labels={"perturbation": given},
    )


def posed(task: str, data: CountData, split: int = 1, **config: Any) -> Problem:
    entry = card("tasks", task)
    return entry.problem_of(data, entry.config(**config), split, numpy_generator("test", split))


def given(problem: Problem, role: int) -> dict[str, int]:
    """Cells of each perturbation that have this role."""
    names = problem.labels["perturbation"][problem.role == role]
    return {str(k): int(n) for k, n in zip(*np.unique(names, return_counts=True), strict=True)}


def combined(names: Mapping[str, int]) -> set[str]:
    """Those of these perturbations that are combinations."""
    return {name for name in names if "+" in name}


def everything(problem: Problem) -> list[dict[str, int]]:
    """Cells of each perturbation, by role."""
    return [given(problem, role) for role in (TRAIN, VALIDATION, TEST, UNUSED)]


def log_effects(data: CountData, rows: NDArray[Any], names: list[str]) -> NDArray[Any]:
    """The effects of these perturbations among these rows, said plainly."""
    counts, label = data.counts.toarray()[rows], data.labels["perturbation"][rows]
    y = np.log2(1 + 10_000 * counts / counts.sum(1, keepdims=True))
    control = y[label == "control"].mean(0)
    return np.array([y[label == name].mean(0) - control for name in names])
