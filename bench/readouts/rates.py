"""Posterior of the Poisson rate of every entry of the scored cells, given the visible counts.

    plug-in           E[lambda_ij | x_ij, z = E[z]]
    posterior mean    (1/S) sum_s E[lambda_ij | x_ij, z_s]
    variance          (1/S) sum_s Var[lambda_ij | x_ij, z_s] + Var_s E[lambda_ij | x_ij, z_s]

For a negative binomial E[lambda | x, z] = mu (x + theta) / (mu + theta) for a visible entry, and mu
for a missing entry; zero inflation enters through the posterior probability of dropout (models of
scmodes).  All values are in the exposure of the held-out counts.  The readout never reads held-out
counts; only metrics do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from bench.core.baseline import FittedBaseline, Floats
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.counts.count_densities import posterior_rate
from bench.parts.nn.latents import Latents, at_draw, at_mean
from bench.parts.nn.observed import seen_counts

if TYPE_CHECKING:
    from torch import Tensor

    from bench.parts.nn.distributions import Moments


@dataclass(frozen=True, kw_only=True)
class RatesConfig:
    """Estimation of the posterior mean."""

    n_samples: Annotated[int, Ge(2)] = 100
    """Draws of the latent S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: RatesConfig
) -> Arrays:
    """``expected_counts_plugin``, ``expected_counts``, ``rate_variance``: (scored, gene)."""
    parts = [_of_cells(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)]
    plugin, mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _in_exposure(plugin, mean, variance, problem.exposure)


def _of_cells(
    fitted: FittedVariant[VariantModule], cells: Minibatch, config: RatesConfig
) -> list[NDArray[np.float32]]:
    posterior, seen = fitted.module.infer(cells), seen_counts(cells)

    def rate_at(latents: Latents) -> Moments:
        return fitted.module.generate(latents, cells).rate_given(seen, cells["observed"])

    def at_noise(noise: Mapping[str, Tensor]) -> Moments:
        return rate_at(at_draw(posterior, noise))

    plugin = rate_at(at_mean(posterior)).mean
    draws = fitted.over_draws(at_noise, len(seen), config.n_samples)
    variance = draws.variance.mean(0) + draws.mean.var(0, unbiased=False)
    return [part.cpu().numpy() for part in (plugin, draws.mean.mean(0), variance)]


def of_baseline(fitted: FittedBaseline, problem: Problem, config: RatesConfig) -> Arrays:
    """The means of a baseline, which are both plug-in value and posterior mean."""
    rows = problem.scored_rows
    mean, variance = posterior_rate(
        problem.counts[rows].toarray(),
        problem.observed(rows),
        fitted.answer("counts")(rows),
        fitted.inverse_dispersion,
    )
    return _in_exposure(mean, mean, variance, problem.exposure)


def _in_exposure(plugin: Floats, mean: Floats, variance: Floats, exposure: float) -> Arrays:
    """Rates in the exposure of the held-out counts; float32, as the largest arrays of a run."""
    return {
        "expected_counts_plugin": (plugin * exposure).astype(np.float32),
        "expected_counts": (mean * exposure).astype(np.float32),
        "rate_variance": (variance * exposure**2).astype(np.float32),
    }


READOUT = Readout(
    label="Posterior of the rates",
    config=RatesConfig,
    of="counts",
    arrays=frozenset({"expected_counts_plugin", "expected_counts", "rate_variance"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Sarkar and Stephens 2021, doi:10.1038/s41588-021-00873-4",
)
