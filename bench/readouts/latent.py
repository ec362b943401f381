"""The latent of every scored cell: the mean of q(z | x), or the embedding of a baseline."""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import VariantModule


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """No parameters."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: LatentConfig
) -> Arrays:
    """``latent``: (scored, dimension)."""
    means = [
        fitted.module.infer(cells)["z"].mean for cells in fitted.minibatches(problem.scored_rows)
    ]
    return {"latent": np.concatenate([mean.float().cpu().numpy() for mean in means])}


def of_baseline(fitted: FittedBaseline, problem: Problem, config: LatentConfig) -> Arrays:
    """``latent``: the embedding of the scored cells by a baseline."""
    return {"latent": fitted.answer("latent")(problem.scored_rows).astype(np.float32)}


READOUT = Readout(
    label="Latent means",
    config=LatentConfig,
    of="latent",
    arrays=frozenset({"latent"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Kingma and Welling 2014, arXiv 1312.6114",
)
