"""The parts of the negative evidence lower bound of every scored cell, nats.

    - ELBO = - E_q log p(x | z, l)  +  KL(q(z | x) || p(z))  +  KL(q(l | x) || p(l))
             reconstruction            global                   local

averaged over S draws of the latents.  "Global" and "local" are the terms of scVI for the latent
and for the library size.  All further terms count as global; a model without a distribution of the
library size has a local term of zero.  A baseline has no latent: its exact negative log-likelihood
is the reconstruction term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import FittedBaseline
from bench.core.ledger import RECONSTRUCTION
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.counts.exact_likelihood import exact_log_likelihood

if TYPE_CHECKING:
    from torch import Tensor

LIBRARY = "library_kl"


@dataclass(frozen=True, kw_only=True)
class BoundTermsConfig:
    """Estimation of the expectations."""

    n_samples: Annotated[int, Ge(1)] = 100
    """Draws of the latents S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: BoundTermsConfig
) -> Arrays:
    """``reconstruction_per_cell``, ``kl_z_per_cell``, ``kl_library_per_cell``: (scored,) nats."""
    parts = [_of_cells(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _of_cells(
    fitted: FittedVariant[VariantModule], cells: Minibatch, config: BoundTermsConfig
) -> Arrays:
    n_cells = len(cells["observed"])
    samples = fitted.over_draws(
        lambda noise: fitted.module(cells, noise).local, n_cells, config.n_samples
    )
    local = {name: _mean(draws) for name, draws in samples.items()}
    reconstruction = local.pop(RECONSTRUCTION)
    library = local.pop(LIBRARY, np.zeros(n_cells))
    z = sum(local.values(), np.zeros(n_cells))
    return _named(reconstruction, z, library)


def _mean(draws: Tensor) -> np.ndarray:
    return draws.double().mean(0).cpu().numpy()


def of_baseline(fitted: FittedBaseline, problem: Problem, config: BoundTermsConfig) -> Arrays:
    """The same arrays, (scored,) nats; both KL terms are zero."""
    exact = exact_log_likelihood(fitted, problem)
    return _named(-exact, np.zeros_like(exact), np.zeros_like(exact))


def _named(reconstruction: np.ndarray, z: np.ndarray, library: np.ndarray) -> Arrays:
    return {
        "reconstruction_per_cell": reconstruction,
        "kl_z_per_cell": z,
        "kl_library_per_cell": library,
    }


READOUT = Readout(
    label="Terms of the bound per cell",
    config=BoundTermsConfig,
    of="bound",
    arrays=frozenset({"reconstruction_per_cell", "kl_z_per_cell", "kl_library_per_cell"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
