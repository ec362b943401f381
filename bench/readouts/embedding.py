"""The embedding of cells that were all fitted.

For methods that embed the cells they are fitted to and no others, as ComBat and Harmony: only a
task that holds back no cell asks for it.  The array is called ``latent``, as in the readout of
that name, so that the same metrics score both.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import FittedRates
from bench.core.problem import TEST, Problem
from bench.core.readout import Arrays, FittedVariant, Readout


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """Nothing to choose."""


def of_variant(fitted: FittedVariant, problem: Problem, config: EmbeddingConfig) -> Arrays:
    """``latent``: (scored, dimension) means of q(z | x)."""
    means = [fitted.module.infer(cells)["z"].mean for cells in fitted.minibatches(problem.scored)]
    return {"latent": np.concatenate([mean.float().cpu().numpy() for mean in means])}


def of_baseline(fitted: FittedRates, problem: Problem, config: EmbeddingConfig) -> Arrays:
    """``latent``: the embedding of the scored cells.  Raises where a cell was held back."""
    if fitted.latent is None or (problem.role == TEST).any():
        raise ValueError("the readout 'embedding' needs an embedding, and every cell fitted")
    return {"latent": fitted.latent[problem.scored].astype(np.float32)}


READOUT = Readout(
    label="Embedding of fitted cells",
    config=EmbeddingConfig,
    gives=frozenset({"latent"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Luecken et al. 2022, doi:10.1038/s41592-021-01336-8",
)
