"""The simulated example of scmodes for imputation: one entry in ten is not observed.

500 cells, 100 genes, 3 factors; x_ij ~ Poisson(μ_ij u_ij), u ~ Gamma(1/v, scale v) where v is the
variance of all entries of μ; observed_ij = U_ij < 0.9.  With numpy's legacy generator, seed 0 and
the order l, f, u, x, U, every entry equals the published data (45,066 observed, 4,934 masked).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.core.dataset import CountData, Dataset, Description
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import draw_mean, draw_rate, simulated

N_CELLS, N_GENES, N_FACTORS, SD, OBSERVED = 500, 100, 3, 0.5, 0.9


@dataclass(frozen=True, kw_only=True)
class MaskingExampleConfig:
    """No parameters: the example is fixed."""


def load(config: MaskingExampleConfig, files: Mapping[str, Path]) -> CountData:
    """The simulation, with rate, mean, inverse dispersion and its mask as true values."""
    rng = np.random.RandomState(0)
    mean = draw_mean(rng, N_CELLS, N_GENES, N_FACTORS, SD)
    inverse_dispersion = 1 / mean.var()
    rate = draw_rate(rng, mean, inverse_dispersion)
    counts = rng.poisson(rate)
    truth = {
        "rate": rate,
        "mean": mean,
        "inverse_dispersion": np.array(inverse_dispersion),
        "observed": rng.uniform(size=counts.shape) < OBSERVED,
    }
    return clean_counts(simulated(counts, truth), "masking_example")


DATASET = Dataset(
    label="masking example",
    config=MaskingExampleConfig,
    load=load,
    provides=frozenset({"counts", "rate", "mean", "inverse_dispersion", "observed"}),
    describe=lambda _: Description(n_cells=N_CELLS, n_genes=N_GENES),
    reference="simulated as in the examples of scmodes (A. Sarkar, 2019)",
)
