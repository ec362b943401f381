"""The exact log-likelihood of cells under a baseline, which has no latent to integrate out.

    log (1/N) sum_n prod_j p(x_ij | profile_nj, theta)

The mean profiles of the N fitted cells are the prior of a cell's profile; a baseline that knows
the scored cells (the oracle) has each cell's own profile instead.  Observed entries only.
"""

import numpy as np

from bench.core.baseline import FittedBaseline, Floats
from bench.core.problem import Problem
from bench.parts.counts.count_densities import log_mixture, log_pmf


def exact_log_likelihood(fitted: FittedBaseline, problem: Problem) -> Floats:
    """(scored,) nats per cell, all constants kept."""
    rows, mean = problem.scored_rows, fitted.answer("counts")
    observed = problem.observed(rows)
    if not fitted.knows_test_cells:
        profiles = mean(problem.fitting_rows())
        return log_mixture(problem.counts[rows], observed, profiles, fitted.inverse_dispersion)
    counts = problem.counts[rows].toarray()
    each = log_pmf(counts, mean(rows), fitted.inverse_dispersion)
    return np.where(observed, each, 0.0).sum(1)
