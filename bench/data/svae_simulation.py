"""Counts in which treatments shift a few latents: the simulation of sVAE.

    n_t ~ uniform on 1, 2, 3;  n_t shifted latents, sampled with replacement
    z_i = b_i + s_t,  b_i ~ N(0, I),  s_tk = ± N(5, 0.5²) for shifted latents
    p_i = softmax over genes of f(z_i) / sd,   x_ij ~ Poisson(l p_ij)

f has three hidden layers of 40, LeakyReLU(0.2), no biases and orthogonal weights; sd is the
standard deviation of all its outputs.  The publication has l = 1,000,000 and a softmax over cells,
with which the counts of a cell depend on the number of cells: ``softmax_over: cells, library:
1.0e+6``.  It has no controls; here their number (z = b) equals the number of cells of a treatment.
True values: ``true_embedding`` is s, ``true_latent`` is z, including the shift; ``true_effect`` is
a mean over 10,000 samples of b, the same for all treatments, with a standard error of about 0.006,
at most 0.013, at the published sizes.
Library sizes do not differ between cells, and there is no overdispersion.
Source: Lopez et al. 2023, arXiv 2211.03553.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from bench.core.dataset import CountData, Dataset
from bench.core.errors import mistake
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import simulated
from bench.data._mechanism_shifts import (
    Bools,
    Floats,
    cells,
    decoder,
    described,
    signed_normal,
    true_effects,
    with_combinations,
)
from bench.parts.perturbations.effects import expression

MOST_MOVED = 3


@dataclass(frozen=True, kw_only=True)
class SvaeSimulationConfig:
    """Sizes, effect sizes, depth and seed; all defaults except the depth are as published."""

    n_treatments: Annotated[int, Ge(1)] = 100
    n_combinations: Annotated[int, Ge(0)] = 0
    """Number of pairs of treatments that cells receive together."""
    n_cells: Annotated[int, Ge(2)] = 250
    """Cells of every treatment, and of every pair."""
    n_controls: Annotated[int, Ge(1)] = 250
    n_genes: Annotated[int, Ge(2)] = 100
    n_latent: Annotated[int, Ge(1)] = 15
    embedding_mean: Annotated[float, Ge(0)] = 5.0
    """Mean size of a shift, in either direction."""
    embedding_sd: Annotated[float, Ge(0)] = 0.5
    softmax_over: Literal["genes", "cells"] = "genes"
    """The axis over which the softmax has sum 1; ``cells`` as published."""
    library: Annotated[float, Gt(0)] = 10_000.0
    """l: expected counts of a cell; with a softmax over cells, of a gene in all cells."""
    n_hidden: Annotated[int, Ge(1)] = 40
    """Width of every hidden layer of f."""
    n_layers: Annotated[int, Ge(1)] = 3
    """Hidden layers of f."""
    seed: Annotated[int, Ge(0)] = 0


class Rates:
    """l p for cells with given latents; sd and sums over cells come from the dataset's z."""

    def __init__(self, config: SvaeSimulationConfig, f: Callable[[Floats], Floats], z: Floats):
        self.config, self.f, logits = config, f, f(z)
        self.sd = logits.std()
        self.sums = np.exp(logits / self.sd).sum(0)

    def __call__(self, z: Floats) -> Floats:
        """(cell, gene)."""
        weights = np.exp(self.f(z) / self.sd)
        over_genes = self.config.softmax_over == "genes"
        return (
            self.config.library * weights / (weights.sum(1)[:, None] if over_genes else self.sums)
        )


def load(config: SvaeSimulationConfig, files: Mapping[str, Path]) -> CountData:
    """The counts, with masks, embeddings, latents and effects as true values."""
    rng = numpy_generator("svae_simulation", config.seed)
    mask = _moved(rng, config.n_treatments, config.n_latent)
    shift = mask * signed_normal(rng, mask.shape, config.embedding_mean, config.embedding_sd)
    f = decoder(rng, [config.n_latent, *[config.n_hidden] * config.n_layers, config.n_genes])
    names, given = _perturbations(config, shift)
    perturbation, z = cells(rng, given, config.n_cells, config.n_controls, names)
    rates = Rates(config, f, z)
    counts = rng.poisson(rates(z))
    own = numpy_generator("svae_simulation", config.seed, "true_effect")
    truth = {
        "true_mask": mask,
        "true_embedding": shift,
        "true_latent": z,
        "true_effect": true_effects(
            own, given, lambda latents: expression(own.poisson(rates(latents)), "counts")
        ),
    }
    data = replace(simulated(counts, truth), labels={"perturbation": perturbation})
    return _complete(clean_counts(data, "svae_simulation"), config)


def _perturbations(config: SvaeSimulationConfig, shift: Floats) -> tuple[list[str], Floats]:
    """The perturbations and their s.  Raises UserError if there are fewer pairs."""
    rng = numpy_generator("svae_simulation", config.seed, "combinations")
    n_pairs = comb(len(shift), 2)
    if config.n_combinations > n_pairs:
        expected = f"{len(shift)} treatments make {n_pairs} pairs"
        raise mistake("svae_simulation: n_combinations", config.n_combinations, expected)
    return with_combinations(rng, shift, config.n_combinations)


def _moved(rng: np.random.Generator, n_treatments: int, n_latent: int) -> Bools:
    """(treatment, latent) true for the one to three sampled latents."""
    sampled = rng.integers(n_latent, size=(n_treatments, MOST_MOVED))
    counted = np.arange(MOST_MOVED) < rng.integers(1, MOST_MOVED + 1, size=(n_treatments, 1))
    mask = np.zeros((n_treatments, n_latent), dtype=bool)
    mask[np.nonzero(counted)[0], sampled[counted]] = True
    return mask


def _complete(data: CountData, config: SvaeSimulationConfig) -> CountData:
    """Raise UserError if a perturbation has no cells with counts."""
    left, n_all = (
        len(np.unique(data.labels["perturbation"])),
        config.n_treatments + config.n_combinations + 1,
    )
    if left < n_all:
        expected = f"only {left} of {n_all} perturbations, controls included, have any counts"
        raise mistake("svae_simulation: library", config.library, expected, "choose a larger one")
    return data


DATASET = Dataset(
    label="sVAE simulation",
    config=SvaeSimulationConfig,
    load=load,
    provides=frozenset(
        {
            *("counts", "perturbation"),
            *("true_mask", "true_embedding", "true_latent", "true_effect"),
        }
    ),
    describe=described,
    reference="simulated here as by Lopez et al. 2023, arXiv 2211.03553",
)
