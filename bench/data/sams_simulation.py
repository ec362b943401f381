"""Real-valued data in which treatments shift a few latents: the simulation of SAMS-VAE.

    m_tk ~ Bernoulli(2/15),  e_tk = ± N(5, 0.5²),  z_i = b_i + m_t e_t,  b_i ~ N(0, I)
    x_ij = f_j(z_i) / sd_j + noise,   the noise has a fifth of the variance of every gene

f has four hidden layers of 50, LeakyReLU(0.2), no biases and orthogonal weights; sd_j is the
standard deviation of f_j over all cells.  The publication has 500, 100 and 100 cells of each of 100
treatments for training, validation and test, and **no control cells**; here the number of controls
(z = b) equals the number of cells of a treatment, because effects need controls.  True values:
``true_embedding`` is m_t e_t, zero outside the mask; ``true_latent`` is z, including the shift;
``true_effect`` is a mean over 10,000 paired samples of b, with a standard error of about 0.004, at
most 0.012, at the published sizes.
In contrast to counts, the noise does not grow with the mean, and there is no library size.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench.core.dataset import CountData, Dataset
from bench.core.seeds import numpy_generator
from bench.data._cleaning import clean_counts
from bench.data._gamma_poisson import simulated
from bench.data._mechanism_shifts import cells, decoder, described, signed_normal, true_effects


@dataclass(frozen=True, kw_only=True)
class SamsSimulationConfig:
    """Sizes, effect sizes and seed; the defaults are the published values."""

    n_treatments: Annotated[int, Ge(1)] = 100
    n_cells: Annotated[int, Ge(2)] = 700
    """Cells of every treatment."""
    n_controls: Annotated[int, Ge(1)] = 700
    n_genes: Annotated[int, Ge(1)] = 100
    n_latent: Annotated[int, Ge(1)] = 15
    mask_probability: Annotated[float, Gt(0), Lt(1)] = 2 / 15
    """Probability that a treatment shifts a latent."""
    embedding_mean: Annotated[float, Ge(0)] = 5.0
    """Mean size of a shift, in either direction."""
    embedding_sd: Annotated[float, Ge(0)] = 0.5
    noise_share: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Fraction of noise in the variance of a gene."""
    n_hidden: Annotated[int, Ge(1)] = 50
    """Width of every hidden layer of f."""
    n_layers: Annotated[int, Ge(1)] = 4
    """Hidden layers of f."""
    seed: Annotated[int, Ge(0)] = 0


def load(config: SamsSimulationConfig, files: Mapping[str, Path]) -> CountData:
    """The values, with masks, embeddings, latents and effects as true values."""
    rng = numpy_generator("sams_simulation", config.seed)
    shape = (config.n_treatments, config.n_latent)
    mask = rng.random(shape) < config.mask_probability
    shift = mask * signed_normal(rng, shape, config.embedding_mean, config.embedding_sd)
    f = decoder(rng, [config.n_latent, *[config.n_hidden] * config.n_layers, config.n_genes])
    perturbation, z = cells(rng, shift, config.n_cells, config.n_controls)
    decoded = f(z)
    sd = decoded.std(0)
    noise_sd = np.sqrt(config.noise_share / (1 - config.noise_share))
    values = decoded / sd + noise_sd * rng.normal(size=decoded.shape)
    own = numpy_generator("sams_simulation", config.seed, "true_effect")
    truth = {
        "true_mask": mask,
        "true_embedding": shift,
        "true_latent": z,
        "true_effect": true_effects(own, shift, lambda latents: f(latents) / sd),
    }
    data = simulated(values, truth)
    labels = {"perturbation": perturbation}
    return clean_counts(replace(data, labels=labels, measured="values"), "sams_simulation")


DATASET = Dataset(
    label="SAMS-VAE simulation",
    config=SamsSimulationConfig,
    load=load,
    provides=frozenset(
        {
            *("values", "perturbation"),
            *("true_mask", "true_embedding", "true_latent", "true_effect"),
        }
    ),
    describe=described,
    reference="simulated here as by Bereket and Karaletsos 2023, arXiv 2311.02794",
)
