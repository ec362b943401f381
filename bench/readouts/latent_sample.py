"""The latent of every scored cell at one draw of q(z | x).

A sample includes the width of the posterior, which the mean ``latent`` omits: batches may be mixed
in the means and not in a sample, or the reverse.  For a deterministic encoder it equals ``latent``.
It does not apply to baselines, which have no posterior.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.nn.latents import at_draw


@dataclass(frozen=True, kw_only=True)
class LatentSampleConfig:
    """No parameters: one draw."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: LatentSampleConfig
) -> Arrays:
    """``latent_sample``: (scored, dimension)."""
    each = [_of_cells(fitted, cells) for cells in fitted.minibatches(problem.scored_rows)]
    return {"latent_sample": np.concatenate(each)}


def _of_cells(fitted: FittedVariant[VariantModule], cells: Minibatch) -> np.ndarray:
    posterior = fitted.module.infer(cells)
    n_cells = len(cells["observed"])
    draws = fitted.over_draws(lambda noise: at_draw(posterior, noise)["z"], n_cells, 1)
    return draws[0].float().cpu().numpy()


READOUT = Readout(
    label="Latent samples",
    config=LatentSampleConfig,
    of="latent",
    arrays=frozenset({"latent_sample"}),
    of_variant=of_variant,
    reference="Kingma and Welling 2014, arXiv 1312.6114; Lopez et al. 2018, "
    "doi:10.1038/s41592-018-0229-2",
)
