"""The exact log-likelihood of cells under a baseline without latent variables.

    log (1/N) sum_n prod_j p(x_ij | profile_nj, theta)

The prior of a cell's profile is the empirical distribution of the mean profiles of the N fitted
cells; a baseline with known means of the scored cells (the oracle) uses these.  Observed entries
only.
"""

import numpy as np

from bench.core.baseline import FittedBaseline, Floats
from bench.core.problem import Problem
from bench.parts.counts.count_densities import log_mixture, log_pmf


def exact_log_likelihood(fitted: FittedBaseline, problem: Problem) -> Floats:
    """(scored,) nats per cell, with all constants."""
    rows, mean = problem.scored_rows, fitted.answer("counts")
    observed = problem.observed(rows)
    if not fitted.knows_test_cells:
        profiles = mean(problem.fitting_rows())
        return log_mixture(problem.counts[rows], observed, profiles, fitted.inverse_dispersion)
    counts = problem.counts[rows].toarray()
    each = log_pmf(counts, mean(rows), fitted.inverse_dispersion)
    return np.where(observed, each, 0.0).sum(1)
