"""The marginal log-likelihood of every scored cell, by importance sampling.

    log p(x_i)  ~  log (1/S) sum_s p(x_i, z_is, l_is) / q(z_is, l_is | x_i)

The estimator integrates over the latent and, if it is latent, the library size.  It is that of
``bounds`` with enough draws to approximate the likelihood; in expectation it is a lower bound.  The
sum processes a few draws at a time, so that memory does not grow with S.  For a baseline the value
is exact.
Source: scVI (``marginal_ll``), here per cell and averaged over cells, not over minibatches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from scipy.special import logsumexp

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.counts.exact_likelihood import exact_log_likelihood

if TYPE_CHECKING:
    from torch import Tensor

AT_A_TIME = 20
"""Draws per block of noise."""


@dataclass(frozen=True, kw_only=True)
class MarginalLoglikConfig:
    """Estimation of the marginal log-likelihood."""

    n_samples: Annotated[int, Ge(1)] = 1000
    """Importance samples S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: MarginalLoglikConfig
) -> Arrays:
    """``marginal_loglik_per_cell``: (scored,) nats."""
    parts = [_of_cells(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)]
    return {"marginal_loglik_per_cell": np.concatenate(parts)}


def _of_cells(
    fitted: FittedVariant[VariantModule], cells: Minibatch, config: MarginalLoglikConfig
) -> NDArray[np.float64]:
    """(cell,) log of the mean importance weight."""

    def at_noise(noise: Mapping[str, Tensor]) -> Tensor:
        return fitted.module(cells, noise).log_weight

    n_cells = len(cells["observed"])
    total = np.full(n_cells, -np.inf)
    for block, begin in enumerate(range(0, config.n_samples, AT_A_TIME)):
        n_draws = min(AT_A_TIME, config.n_samples - begin)
        weights = fitted.over_draws(at_noise, n_cells, n_draws, block).double().cpu().numpy()
        total = np.logaddexp(total, logsumexp(weights, axis=0))
    return total - log(config.n_samples)


def of_baseline(fitted: FittedBaseline, problem: Problem, config: MarginalLoglikConfig) -> Arrays:
    """The exact log-likelihood, (scored,) nats."""
    return {"marginal_loglik_per_cell": exact_log_likelihood(fitted, problem)}


READOUT = Readout(
    label="Marginal log-likelihood per cell",
    config=MarginalLoglikConfig,
    of="bound",
    arrays=frozenset({"marginal_loglik_per_cell"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; Burda et al. 2016, "
    "arXiv 1509.00519",
)
