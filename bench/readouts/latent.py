"""The latent of every scored cell: the mean of q(z | x), or a baseline's embedding."""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import FittedRates
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """Nothing to choose."""


def of_variant(fitted: FittedVariant, problem: Problem, config: LatentConfig) -> Arrays:
    """``latent``: (scored, dimension)."""
    means = [fitted.module.infer(cells)["z"].mean for cells in fitted.minibatches(problem.scored)]
    return {"latent": np.concatenate([mean.float().cpu().numpy() for mean in means])}


def of_baseline(fitted: FittedRates, problem: Problem, config: LatentConfig) -> Arrays:
    """``latent``: the baseline's embedding of the scored cells."""
    if fitted.latent is None:
        raise ValueError("a baseline that gives the readout 'latent' must return an embedding")
    return {"latent": fitted.latent[problem.scored].astype(np.float32)}


READOUT = Readout(
    label="Latent means",
    config=LatentConfig,
    gives=frozenset({"latent"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Kingma and Welling 2014, arXiv 1312.6114",
)
