"""Expected counts of every entry given the latent alone, independent of the entry itself.

    plug-in  mu(E[z])_j        posterior mean  (1/S) sum_s mu(z_s)_j         z_s ~ q(z | x)

``predict`` in scmodes; required by scores that are defined on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.nn.latents import at_draw, at_mean

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class FittedMeansConfig:
    """Estimation of the posterior mean."""

    n_samples: Annotated[int, Ge(1)] = 100
    """Draws of the latent S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: FittedMeansConfig
) -> Arrays:
    """``fitted_mean_plugin`` and ``fitted_mean``: (scored, gene)."""
    parts = [_of_cells(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)]
    plugin, mean = zip(*parts, strict=True)
    return {"fitted_mean_plugin": _joined(plugin), "fitted_mean": _joined(mean)}


def _of_cells(
    fitted: FittedVariant[VariantModule], cells: Minibatch, config: FittedMeansConfig
) -> tuple[Tensor, Tensor]:
    posterior = fitted.module.infer(cells)
    draws = fitted.over_draws(
        lambda noise: fitted.module.generate(at_draw(posterior, noise), cells).mean,
        len(cells["observed"]),
        config.n_samples,
    )
    return fitted.module.generate(at_mean(posterior), cells).mean, draws.mean(0)


def _joined(parts: tuple[Tensor, ...]) -> np.ndarray:
    return np.concatenate([part.float().cpu().numpy() for part in parts])


def of_baseline(fitted: FittedBaseline, problem: Problem, config: FittedMeansConfig) -> Arrays:
    """The means of a baseline, which are both plug-in value and posterior mean."""
    mean = fitted.answer("counts")(problem.scored_rows).astype(np.float32)
    return {"fitted_mean_plugin": mean, "fitted_mean": mean}


READOUT = Readout(
    label="Fitted means",
    config=FittedMeansConfig,
    of="counts",
    arrays=frozenset({"fitted_mean_plugin", "fitted_mean"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="scmodes (A. Sarkar), predict",
)
