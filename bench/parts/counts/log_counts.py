"""Log counts of cells normalised to one depth, and their principal components.

    y_ij = log(1 + x_ij m / s_i)        s_i: counts of cell i, m: median of s over cells

Sparse throughout: zeros remain zeros.  For a problem, the median and the components are those of
the training and validation cells; held-out cells are normalised to this median and projected on
these components.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from bench.core.problem import Problem

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

Floats = NDArray[np.floating[Any]]


def log_counts(counts: csr_matrix, fitting: NDArray[np.int64] | None = None) -> csr_matrix:
    """(cell, gene) y; zero for a cell without counts.  Median over ``fitting`` rows, or all."""
    size = np.asarray(counts.sum(axis=1), dtype=float).ravel()
    depth = np.median(size if fitting is None else size[fitting])
    factor = np.divide(depth, size, out=np.zeros_like(size), where=size > 0)
    return csr_matrix(diags(factor) @ counts.astype(float)).log1p()


def logs_of(problem: Problem) -> csr_matrix:
    """(cell, gene) y of all cells of a problem."""
    return log_counts(problem.counts, problem.fitting_rows())


def components(logs: csr_matrix | Floats, n_components: int, rng: np.random.Generator) -> Floats:
    """(cell, component) principal components of y, centred; fewer if the rank is smaller.

    Samples the initial vector of the solver, on which only the sign of the components depends.
    """
    return _solver(logs, n_components, rng).fit_transform(logs)


def embedded(problem: Problem, n_components: int, rng: np.random.Generator) -> Floats:
    """(cell, component) principal components of all cells of a problem, uncorrected."""
    logs = logs_of(problem)
    fitting = logs[problem.fitting_rows()]
    return _solver(fitting, n_components, rng).fit(fitting).transform(logs)


def _solver(logs: csr_matrix | Floats, n_components: int, rng: np.random.Generator) -> "PCA":
    from sklearn.decomposition import PCA

    most = max(1, min(n_components, min(logs.shape) - 1))
    return PCA(most, svd_solver="arpack", random_state=int(rng.integers(2**31)))
