"""The low-rank gamma-Poisson model of the simulated counts.

    l_ik, f_jk ~ LogNormal(0, σ²),   μ_ij = Σ_k l_ik f_jk,
    u_ij ~ Gamma(shape θ, rate θ),   λ_ij = μ_ij u_ij,   x_ij ~ Poisson(λ_ij).

Both numpy interfaces (``RandomState``, for the published random numbers, and ``Generator``) have
the methods used here.  The published examples depend on the order of the samples (l, f, u, x).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData

Floats = NDArray[np.float64]
Rng = np.random.RandomState | np.random.Generator


def draw_mean(rng: Rng, n_cells: int, n_genes: int, n_factors: int, sd: float) -> Floats:
    """μ (cell, gene): the expected count given the factors."""
    loadings = rng.lognormal(sigma=sd, size=(n_cells, n_factors))
    factors = rng.lognormal(sigma=sd, size=(n_genes, n_factors))
    return loadings @ factors.T


def draw_rate(rng: Rng, mean: Floats, inverse_dispersion: float) -> Floats:
    """λ (cell, gene): the mean times Gamma noise of mean 1 and variance 1/θ."""
    noise = rng.gamma(shape=inverse_dispersion, scale=1 / inverse_dispersion, size=mean.shape)
    return mean * noise


def simulated(counts: NDArray[np.integer], truth: dict[str, NDArray]) -> CountData:
    """Simulated counts (cell, gene) with numbered cells and genes."""
    n_cells, n_genes = counts.shape
    return CountData(
        counts=csr_matrix(counts),
        cell_names=np.array([f"cell_{i}" for i in range(n_cells)]),
        gene_names=np.array([f"gene_{j}" for j in range(n_genes)]),
        truth=truth,
    )
