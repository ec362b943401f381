"""Log counts of cells brought to one depth, and their principal components.

    y_ij = log(1 + x_ij m / s_i)        s_i: counts of cell i, m: median of s over cells

Sparse throughout: what is zero stays zero.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from bench.core.problem import Problem

Floats = NDArray[np.floating[Any]]


def log_counts(counts: csr_matrix) -> csr_matrix:
    """(cell, gene) y; zero for a cell without counts."""
    size = np.asarray(counts.sum(axis=1), dtype=float).ravel()
    factor = np.divide(np.median(size), size, out=np.zeros_like(size), where=size > 0)
    return csr_matrix(diags(factor) @ counts.astype(float)).log1p()


def components(logs: csr_matrix | Floats, n_components: int, rng: np.random.Generator) -> Floats:
    """(cell, component) principal components of y, centred; fewer where there are no more.

    Draws the solver's starting vector; the components do not depend on it but for their sign.
    """
    from sklearn.decomposition import PCA

    most = max(1, min(n_components, min(logs.shape) - 1))
    solver = PCA(most, svd_solver="arpack", random_state=int(rng.integers(2**31)))
    return solver.fit_transform(logs)


def embedded(problem: Problem, n_components: int, rng: np.random.Generator) -> Floats:
    """(cell, component) principal components of all cells of a problem, uncorrected."""
    return components(log_counts(problem.visible), n_components, rng)
