"""Posterior predictive summaries of the counts of the scored cells, per gene.

    z_i ~ q(z | x_i),   x_new_ij ~ p(x | z_i)_j,   then over the scored cells of each draw:
    mean_j,  variance_j (over cells, divided by their number),  zero fraction_j = share of x_new = 0

The library size is the observed one unless it is latent.  The readout stores summaries only,
because a draw has the size of the data.  A baseline has them in closed form, with expectations over
its fitted cells (or over the scored cells, if it has their means):

    mean = E mu,   variance = E[mu + mu^2 / theta] + Var mu,   zero fraction = E NB(0; mu, theta)

Source: Gelman, Meng and Stern 1996 (posterior predictive checks); scVI's ``generate``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from bench.core.baseline import FittedBaseline
from bench.core.problem import TEST, Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.counts.count_densities import log_pmf
from bench.parts.nn.latents import Posteriors, at_draw

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1024
"""Cells per block of dense means."""


@dataclass(frozen=True, kw_only=True)
class PosteriorPredictiveConfig:
    """Number of posterior predictive draws."""

    n_samples: Annotated[int, Ge(1)] = 25
    """Draws of all counts."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: PosteriorPredictiveConfig
) -> Arrays:
    """Mean, variance and zero fraction of every gene in every draw: (draw, gene) each."""
    sums = np.zeros((3, config.n_samples, problem.counts.shape[1]))
    for cells in fitted.minibatches(problem.scored_rows):
        posterior = fitted.module.infer(cells)
        for draw in range(config.n_samples):
            counts = _new_counts(fitted, cells, posterior).double()
            sums[0, draw] += counts.sum(0).numpy()
            sums[1, draw] += counts.square().sum(0).numpy()
            sums[2, draw] += (counts == 0).sum(0).numpy()
    mean, square, zeros = sums / len(problem.scored_rows)
    return _named(mean, np.maximum(square - mean**2, 0), zeros)


def _new_counts(
    fitted: FittedVariant[VariantModule], cells: Minibatch, posterior: Posteriors
) -> Tensor:
    """(cell, gene) counts, sampled on the CPU for equal results on all devices."""
    from bench.parts.nn.shares import with_dense_mean

    law = fitted.over_draws(
        lambda noise: with_dense_mean(fitted.module.generate(at_draw(posterior, noise), cells)),
        len(cells["observed"]),
        1,
    )
    return law._make(part[0].float().cpu() for part in law).sample(fitted.generator)


def of_baseline(
    fitted: FittedBaseline, problem: Problem, config: PosteriorPredictiveConfig
) -> Arrays:
    """The same arrays in closed form, as one draw."""
    knows = fitted.knows_test_cells or not (problem.role[problem.scored_rows] == TEST).any()
    rows = problem.scored_rows if knows else problem.fitting_rows()
    mean_of = fitted.answer("counts")
    theta = np.asarray(fitted.inverse_dispersion, dtype=float)
    sums = np.zeros((4, problem.counts.shape[1]))
    for some in np.split(rows, range(BLOCK, len(rows), BLOCK)):
        mu = mean_of(some).astype(float)
        each = mu, mu**2, mu + mu**2 / theta, np.exp(log_pmf(np.zeros(()), mu, theta))
        sums += [part.sum(0) for part in each]
    mean, square, scatter, zeros = (sums / len(rows))[:, None]
    return _named(mean, scatter + np.maximum(square - mean**2, 0), zeros)


def _named(
    mean: NDArray[np.float64], variance: NDArray[np.float64], zeros: NDArray[np.float64]
) -> Arrays:
    return {
        "predictive_gene_mean": mean,
        "predictive_gene_variance": variance,
        "predictive_gene_zero_fraction": zeros,
    }


READOUT = Readout(
    label="Posterior predictive",
    config=PosteriorPredictiveConfig,
    of="counts",
    arrays=frozenset(
        {"predictive_gene_mean", "predictive_gene_variance", "predictive_gene_zero_fraction"}
    ),
    of_variant=of_variant,
    of_baseline=of_baseline,
    rows="draws",
    reference="Gelman, Meng and Stern 1996, Statistica Sinica 6; Lopez et al. 2018, "
    "doi:10.1038/s41592-018-0229-2",
)
