"""Counts of the low-rank gamma-Poisson model, at any size and seed.

x_ij, x'_ij ~ Poisson(s μ_ij u_ij), with μ = l fᵀ from lognormal factors and
u ~ Gamma(shape θ, rate θ); the expected count of an entry is s K exp(σ²).  The model has no
library sizes, batches or cell types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from bench.core.dataset import CountData, Dataset, Description
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import draw_mean, draw_rate, simulated


@dataclass(frozen=True, kw_only=True)
class GammaPoissonConfig:
    """Size, seed and noise of the simulation."""

    n_cells: Annotated[int, Gt(0)] = 1000
    n_genes: Annotated[int, Gt(0)] = 200
    n_factors: Annotated[int, Gt(0)] = 3
    """K, the rank of the mean."""
    inverse_dispersion: Annotated[float, Gt(0)] = 1.0
    """θ: the noise around the mean has variance 1/θ; large values approach pure Poisson counts."""
    factor_sd: Annotated[float, Gt(0)] = 0.5
    """σ: sd of the logarithm of every loading and factor."""
    scale: Annotated[float, Gt(0)] = 1.0
    """s: factor on the mean; small values make sparse counts."""
    seed: Annotated[int, Ge(0)] = 0


def load(config: GammaPoissonConfig, files: Mapping[str, Path]) -> CountData:
    """The simulation, with rate, mean, inverse dispersion and a second sample as true values."""
    rng = numpy_generator("gamma_poisson", config.seed)
    mean = config.scale * draw_mean(
        rng, config.n_cells, config.n_genes, config.n_factors, config.factor_sd
    )
    rate = draw_rate(rng, mean, config.inverse_dispersion)
    counts = rng.poisson(rate)
    truth = {
        "rate": rate,
        "mean": mean,
        "inverse_dispersion": np.array(config.inverse_dispersion),
        "second_draw": rng.poisson(rate).astype(np.int32),
    }
    return clean_counts(simulated(counts, truth), "gamma_poisson")


DATASET = Dataset(
    label="gamma-Poisson",
    config=GammaPoissonConfig,
    load=load,
    provides=frozenset({"counts", "rate", "mean", "inverse_dispersion", "second_draw"}),
    describe=lambda config: Description(n_cells=config.n_cells, n_genes=config.n_genes),
    reference="simulated here; Sarkar and Stephens 2021, doi:10.1038/s41588-021-00873-4",
)
