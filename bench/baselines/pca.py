"""Principal components of log counts, transformed back to expected counts.

    s_i  = sum_j w_ij x_ij / sum_j w_ij m_j      size of a cell, m_j mean observed count
    y_ij = log(1 + x_ij / s_i)                   PCA of y, centred -> reconstruction r_ij
    lambda_ij = s_i c_j max(exp(r_ij) - 1, floor)

c_j makes the sum of the expected observed counts of a gene equal to the sum of its observed counts,
because the exponential of a mean of logarithms is below the mean.  Missing entries start at s_i m_j
and are replaced by lambda_ij ``n_refills`` times.  Held-out cells are projected on the components.
The model has no noise on the rates: a count is Poisson with rate lambda.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.problem import Problem
from bench.parts.counts.observed_counts import (
    Floats,
    ObservedCounts,
    fitting_counts,
    held_out_counts,
    ratio,
)

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

FLOOR = 1e-6
"""Minimum expected count for a cell of average size, before the correction by c_j."""


@dataclass(frozen=True, kw_only=True)
class PCAConfig:
    """Number of components, and number of imputation rounds for missing entries."""

    n_components: Annotated[int, Ge(1)] = 10
    n_refills: Annotated[int, Ge(0)] = 5
    """Additional rounds that replace missing entries by their reconstructed values."""


def fit(problem: Problem, config: PCAConfig, rng: np.random.Generator) -> FittedBaseline:
    fitting, seed = fitting_counts(problem), int(rng.integers(2**31))
    mean = fitting.gene_means()
    size, gaps = sizes(fitting, mean), fitting.masked.toarray().astype(bool)
    counts = fitting.counts.toarray()
    rates: Floats = np.outer(size, mean)
    for _ in range(1 + (config.n_refills if gaps.any() else 0)):
        logs = log_profiles(np.where(gaps, rates, counts), size)
        components = principal_components(logs, config.n_components, seed)
        raw = back_to_counts(components.inverse_transform(components.transform(logs)), logs, size)
        rates = raw * ratio(counts.sum(0), np.where(gaps, 0, raw).sum(0))
    latent = fitting.by_row(components.transform(logs))
    others = held_out_counts(problem)
    if len(others.rows):
        latent[others.rows] = components.transform(filled_once(others, mean))
    return FittedBaseline(
        functions={"counts": by_cell(fitting.by_row(rates)), "latent": by_cell(latent)},
        n_parameters=components.components_.size + latent.shape[1] * len(size) + 2 * len(mean),
    )


def sizes(cells: ObservedCounts, gene_mean: Floats) -> Floats:
    """(cell,) observed counts divided by their expectation from the gene means."""
    return ratio(np.asarray(cells.counts.sum(1)).ravel(), cells.over_genes(gene_mean))


def log_profiles(counts: Floats, size: Floats) -> Floats:
    """(cell, gene) y; zero for a cell without counts."""
    return np.log1p(ratio(counts, np.broadcast_to(size[:, None], counts.shape)))


def filled_once(cells: ObservedCounts, gene_mean: Floats) -> Floats:
    """(cell, gene) y of held-out cells, with missing entries at the mean of the gene."""
    size = sizes(cells, gene_mean)
    gaps = cells.masked.toarray() > 0
    return log_profiles(np.where(gaps, np.outer(size, gene_mean), cells.counts.toarray()), size)


def principal_components(logs: Floats, n_components: int, seed: int) -> "PCA":
    """PCA of scikit-learn, with at most as many components as the rank."""
    from sklearn.decomposition import PCA

    return PCA(min(n_components, *logs.shape), random_state=seed).fit(logs)


def back_to_counts(reconstructed: Floats, logs: Floats, size: Floats) -> Floats:
    """(cell, gene) expected counts, for an average cell at most the largest observed value."""
    profile = np.expm1(np.minimum(reconstructed, logs.max()))
    return size[:, None] * np.maximum(profile, FLOOR)


BASELINE = Baseline(
    label="PCA of log counts",
    config=PCAConfig,
    fit=fit,
    can=frozenset({"bound", "counts", "latent"}),
    deterministic=False,
    role="competitor",
    reference="common practice, as in Luecken and Theis 2019, doi:10.15252/msb.20188746",
)
