"""Expected counts at one draw of the latent, before dropouts.

    r_ij = m(z_i)_j          z_i ~ q(z | x_i),  m: expected counts before dropouts

The imputed values of scVI (``px_rate`` of one posterior sample), required by scores that are
defined on them.  It is noisier than ``fitted_means``, which averages over draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.nn.latents import at_draw

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DrawnRatesConfig:
    """No parameters: one draw."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: DrawnRatesConfig
) -> Arrays:
    """``drawn_rate``: (scored, gene)."""
    parts = [_of_cells(fitted, cells) for cells in fitted.minibatches(problem.scored_rows)]
    return {"drawn_rate": np.concatenate([part.float().cpu().numpy() for part in parts])}


def _of_cells(fitted: FittedVariant[VariantModule], cells: Minibatch) -> Tensor:
    posterior = fitted.module.infer(cells)
    draws = fitted.over_draws(
        lambda noise: fitted.module.generate(at_draw(posterior, noise), cells).expressed,
        len(cells["observed"]),
        1,
    )
    return draws[0]


def of_baseline(fitted: FittedBaseline, problem: Problem, config: DrawnRatesConfig) -> Arrays:
    """The means of a baseline, without sampling."""
    return {"drawn_rate": fitted.answer("counts")(problem.scored_rows).astype(np.float32)}


READOUT = Readout(
    label="Rates at one draw",
    config=DrawnRatesConfig,
    of="counts",
    arrays=frozenset({"drawn_rate"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools issue 80",
)
