"""The latent of every scored cell at one draw of q(z | x), or a baseline's embedding.

A sample shows how wide the posterior is, which ``latent``, its mean, leaves out: what mixes well at
the mean may not in a sample, and the other way round.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import FittedRates
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch
from bench.parts.nn.latents import at_draw


@dataclass(frozen=True, kw_only=True)
class LatentSampleConfig:
    """Nothing to choose: it is one draw."""


def of_variant(fitted: FittedVariant, problem: Problem, config: LatentSampleConfig) -> Arrays:
    """``latent_sample``: (scored, dimension)."""
    each = [_of_cells(fitted, cells) for cells in fitted.minibatches(problem.scored)]
    return {"latent_sample": np.concatenate(each)}


def _of_cells(fitted: FittedVariant, cells: Minibatch) -> np.ndarray:
    posterior = fitted.module.infer(cells)
    n_cells = len(cells["observed"])
    draws = fitted.over_draws(lambda noise: at_draw(posterior, noise)["z"], n_cells, 1)
    return draws[0].float().cpu().numpy()


def of_baseline(fitted: FittedRates, problem: Problem, config: LatentSampleConfig) -> Arrays:
    """``latent_sample``: the baseline's embedding, which is not drawn."""
    if fitted.latent is None:
        raise ValueError("a baseline that gives 'latent_sample' must return an embedding")
    return {"latent_sample": fitted.latent[problem.scored].astype(np.float32)}


READOUT = Readout(
    label="Latent samples",
    config=LatentSampleConfig,
    gives=frozenset({"latent_sample"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Kingma and Welling 2014, arXiv 1312.6114; Lopez et al. 2018, "
    "doi:10.1038/s41592-018-0229-2",
)
