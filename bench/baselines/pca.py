"""Principal components of log counts, taken back to expected counts.

    s_i  = sum_j w_ij x_ij / sum_j w_ij m_j      size of a cell, m_j mean observed count
    y_ij = log(1 + x_ij / s_i)                   PCA of y, centred -> reconstruction r_ij
    lambda_ij = s_i c_j max(exp(r_ij) - 1, floor)

c_j makes the gene's expected observed counts add up to its observed ones: the exponential of a mean
of logarithms lies below the mean.  Missing entries start at s_i m_j and are replaced by lambda_ij
``n_refills`` times.  Blind to noise: a count is a Poisson around lambda.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedRates
from bench.core.problem import Problem
from bench.parts.fitting_counts import FittingCounts, Floats, fitting_counts, ratio

FLOOR = 1e-6
"""Smallest expected count of a cell of average size, before the gene's own correction."""


@dataclass(frozen=True, kw_only=True)
class PCAConfig:
    """How many components, and how often missing entries are filled in again."""

    n_components: Annotated[int, Ge(1)] = 10
    n_refills: Annotated[int, Ge(0)] = 5
    """Rounds after the first in which missing entries take their reconstructed value."""


def sizes(fitting: FittingCounts) -> tuple[Floats, Floats]:
    """(fitted cell,) sizes and (gene,) means, each from the observed entries."""
    of_cell, of_gene = (np.asarray(fitting.counts.sum(axis)).ravel() for axis in (1, 0))
    gene_mean = ratio(of_gene, fitting.over_cells(np.ones_like(of_cell)))
    return ratio(of_cell, fitting.over_genes(gene_mean)), gene_mean


def reconstruct(
    filled: Floats, size: Floats, n_components: int, seed: int
) -> tuple[Floats, Floats]:
    """(cell, component) scores and (cell, gene) expected counts, of counts without gaps."""
    from sklearn.decomposition import PCA

    logs = np.log1p(ratio(filled, np.broadcast_to(size[:, None], filled.shape)))
    pca = PCA(min(n_components, *logs.shape), random_state=seed)
    scores = pca.fit_transform(logs)
    back = np.expm1(np.minimum(pca.inverse_transform(scores), logs.max()))
    return scores, size[:, None] * np.maximum(back, FLOOR)


def fit(problem: Problem, config: PCAConfig, rng: np.random.Generator) -> FittedRates:
    fitting, seed = fitting_counts(problem), int(rng.integers(2**31))
    size, gene_mean = sizes(fitting)
    counts, gaps = fitting.counts.toarray(), fitting.missing.toarray().astype(bool)
    rates: Floats = np.outer(size, gene_mean)
    for _ in range(1 + (config.n_refills if gaps.any() else 0)):
        filled = np.where(gaps, rates, counts)
        scores, raw = reconstruct(filled, size, config.n_components, seed)
        rates = raw * ratio(counts.sum(0), np.where(gaps, 0, raw).sum(0))
    everyone = fitting.by_row(rates)
    return FittedRates(
        mean=lambda rows: everyone[rows],
        latent=fitting.by_row(scores),
        n_parameters=scores.size + (scores.shape[1] + 2) * counts.shape[1] + len(size),
    )


BASELINE = Baseline(
    label="PCA of log counts",
    config=PCAConfig,
    fit=fit,
    gives=frozenset({"bounds", "rates", "fitted_means", "latent"}),
    deterministic=False,
    role="competitor",
    reference="common practice, as in Luecken and Theis 2019, doi:10.15252/msb.20188746",
)
