"""Simulated counts of cell types in several batches, at any size and seed.

    x_ij ~ Poisson(λ_ij),   λ_ij = s_i π_ij u_ij,   u_ij ~ Gamma(θ, rate θ)
    π_ij = p_tj q_bj / Σ_g p_tg q_bg            for a cell of type t in batch b
    p_tj = f_j exp(σ_t e_tj),  q_bj = exp(σ_b e_bj),  s_i = s exp(σ_s e_i)        e ~ N(0, 1)

f_j is lognormal, so that genes differ in mean expression.  The fractions of cell types per batch
are Dirichlet(α) with equal means, so that batches differ in composition, as in real data; a large
α gives equal composition.  There is no biological variation within a type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from bench.core.dataset import CountData, Dataset, Description
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import Floats, draw_rate, simulated


@dataclass(frozen=True, kw_only=True)
class BatchedGammaPoissonConfig:
    """Size, seed, and strength of the differences between types, batches and cells."""

    n_cells: Annotated[int, Gt(0)] = 1000
    n_genes: Annotated[int, Gt(0)] = 200
    n_batches: Annotated[int, Ge(1)] = 3
    n_cell_types: Annotated[int, Ge(1)] = 5
    type_sd: Annotated[float, Ge(0)] = 0.7
    """σ_t: sd of the log fold change of a gene between types."""
    batch_sd: Annotated[float, Ge(0)] = 0.5
    """σ_b: sd of the log fold change of a gene between batches, the same for all types."""
    depth: Annotated[float, Gt(0)] = 500.0
    """s: counts of a cell with median depth."""
    depth_sd: Annotated[float, Ge(0)] = 0.3
    """σ_s: sd of the logarithm of a cell's depth."""
    inverse_dispersion: Annotated[float, Gt(0)] = 2.0
    """θ: the noise around the mean has variance 1/θ."""
    composition: Annotated[float, Gt(0)] = 20.0
    """α: similarity of batches in their fractions of cell types."""
    seed: Annotated[int, Ge(0)] = 0


def load(config: BatchedGammaPoissonConfig, files: Mapping[str, Path]) -> CountData:
    """The simulation with both labels; true rate, mean, dispersion and a second sample."""
    rng = numpy_generator("batched_gamma_poisson", config.seed)
    batch = rng.integers(config.n_batches, size=config.n_cells)
    kind = _types(rng, config, batch)
    mean = _depths(rng, config)[:, None] * _profiles(rng, config)[batch, kind]
    rate = draw_rate(rng, mean, config.inverse_dispersion)
    counts = rng.poisson(rate)
    truth = {
        "rate": rate,
        "mean": mean,
        "inverse_dispersion": np.array(config.inverse_dispersion),
        "second_draw": rng.poisson(rate).astype(np.int32),
    }
    labels = {
        "batch": np.array([f"batch_{b}" for b in batch]),
        "cell_type": np.array([f"type_{t}" for t in kind]),
    }
    data = replace(simulated(counts, truth), labels=labels)
    return clean_counts(data, "batched_gamma_poisson")


def _types(
    rng: np.random.Generator, config: BatchedGammaPoissonConfig, batch: NDArray[np.int64]
) -> NDArray[np.int64]:
    equal = np.full(config.n_cell_types, 1.0)
    shares = rng.dirichlet(config.composition * equal, size=config.n_batches)
    below = shares.cumsum(axis=1)[batch, :-1]
    return (rng.random(config.n_cells)[:, None] > below).sum(axis=1)


def _depths(rng: np.random.Generator, config: BatchedGammaPoissonConfig) -> Floats:
    return config.depth * rng.lognormal(sigma=config.depth_sd, size=config.n_cells)


def _profiles(rng: np.random.Generator, config: BatchedGammaPoissonConfig) -> Floats:
    """(batch, type, gene) shares π of a cell's counts."""
    level = rng.lognormal(size=config.n_genes)
    of_type = rng.lognormal(sigma=config.type_sd, size=(config.n_cell_types, config.n_genes))
    of_batch = rng.lognormal(sigma=config.batch_sd, size=(config.n_batches, config.n_genes))
    raw = level * of_type * of_batch[:, None]
    return raw / raw.sum(axis=-1, keepdims=True)


DATASET = Dataset(
    label="batched gamma-Poisson",
    config=BatchedGammaPoissonConfig,
    load=load,
    provides=frozenset(
        {"counts", "batch", "cell_type", "rate", "mean", "inverse_dispersion", "second_draw"}
    ),
    describe=lambda config: Description(n_cells=config.n_cells, n_genes=config.n_genes),
    reference="simulated here; the counts as in Sarkar and Stephens 2021, "
    "doi:10.1038/s41588-021-00873-4",
)
