"""The simulated example of scmodes for held-out counts: two Poisson samples from the same rates.

500 cells, 100 genes, 3 factors; x_ij, x'_ij ~ Poisson(μ_ij u_ij), u ~ Gamma(shape 0.1, scale 10):
most of the variance comes from u, which a low-rank model cannot represent.
With numpy's legacy generator, seed 0 and the order l, f, u, x, x', every entry equals the
published data (mean 3.81322, 69.894 % zeros, largest count 395).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.core.dataset import CountData, Dataset, Description
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import draw_mean, draw_rate, simulated

N_CELLS, N_GENES, N_FACTORS, SD, INVERSE_DISPERSION = 500, 100, 3, 0.5, 0.1


@dataclass(frozen=True, kw_only=True)
class ThinningExampleConfig:
    """No parameters: the example is fixed."""


def load(config: ThinningExampleConfig, files: Mapping[str, Path]) -> CountData:
    """The simulation, with rate, mean, inverse dispersion and the second sample as true values."""
    rng = np.random.RandomState(0)
    mean = draw_mean(rng, N_CELLS, N_GENES, N_FACTORS, SD)
    rate = draw_rate(rng, mean, INVERSE_DISPERSION)
    counts = rng.poisson(rate)
    truth = {
        "rate": rate,
        "mean": mean,
        "inverse_dispersion": np.array(INVERSE_DISPERSION),
        "second_draw": rng.poisson(rate).astype(np.int32),
    }
    return clean_counts(simulated(counts, truth), "thinning_example")


DATASET = Dataset(
    label="thinning example",
    config=ThinningExampleConfig,
    load=load,
    provides=frozenset({"counts", "rate", "mean", "inverse_dispersion", "second_draw"}),
    describe=lambda _: Description(n_cells=N_CELLS, n_genes=N_GENES),
    reference="simulated as in the examples of scmodes (A. Sarkar, 2019)",
)
