"""The evidence lower bound and the importance-weighted bound of every scored cell.

    w_is   = p(x_i, z_is) / q(z_is | x_i)          z_is ~ q(z | x_i),  s = 1..S
    ELBO   = (1/S) sum_s log w_is
    IWELBO = log (1/S) sum_s w_is                   at least the ELBO of the same draws, by Jensen

Nats per cell, all constants kept, observed entries only.  Global variables have one draw from their
posterior and are not scored.  A baseline without latent variables has an exact log-likelihood
instead (``bench.parts.counts.exact_likelihood``), and both bounds are that number.
Source: Burda et al. 2016 (arXiv 1509.00519), equation 8.
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


@dataclass(frozen=True, kw_only=True)
class BoundsConfig:
    """Estimation of the bounds."""

    n_samples: Annotated[int, Ge(1)] = 100
    """Importance samples S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: BoundsConfig
) -> Arrays:
    """``elbo_per_cell`` and ``iwelbo_per_cell``, (scored,) nats."""
    each = [
        _log_weights(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)
    ]
    weights = np.concatenate(each, axis=1)
    return {
        "elbo_per_cell": weights.mean(0),
        "iwelbo_per_cell": logsumexp(weights, axis=0) - log(config.n_samples),
    }


def _log_weights(
    fitted: FittedVariant[VariantModule], cells: Minibatch, config: BoundsConfig
) -> NDArray[np.float64]:
    """(draw, cell) log importance weights."""

    def at_noise(noise: Mapping[str, Tensor]) -> Tensor:
        return fitted.module(cells, noise).log_weight

    weights = fitted.over_draws(at_noise, len(cells["observed"]), config.n_samples)
    return weights.double().cpu().numpy()


def of_baseline(fitted: FittedBaseline, problem: Problem, config: BoundsConfig) -> Arrays:
    """The exact log-likelihood under both names, (scored,) nats."""
    exact = exact_log_likelihood(fitted, problem)
    return {"elbo_per_cell": exact, "iwelbo_per_cell": exact}


READOUT = Readout(
    label="Bounds per cell",
    config=BoundsConfig,
    of="bound",
    arrays=frozenset({"elbo_per_cell", "iwelbo_per_cell"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Burda et al. 2016, arXiv 1509.00519",
)
