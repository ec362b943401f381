"""Expected expression of every scored cell, decoded under a given batch.

    rho_ij(b) = (1/S) sum_s share_j(z_is, b)         z_is ~ q(z | x_i, its own batch)

Shares of the counts of the cell with sum one, independent of library size and dropouts.  ``each``
gives the mean over all batches; for a model without batch input all batches are equal.
Source: scVI's ``transform_batch``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import Minibatch, VariantModule
from bench.parts.nn.expression import batch_codes, shares
from bench.parts.nn.latents import at_draw

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DecodedConfig:
    """The batch for decoding, and the estimation of the posterior mean."""

    batch: str = ""
    """Name of a batch; empty: the batch of the cell; ``each``: the mean over all batches."""
    n_samples: Annotated[int, Ge(1)] = 25
    """Draws of the latent S."""


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: DecodedConfig
) -> Arrays:
    """``decoded_expression``: (scored, gene) shares.  Raises if no batch has this name."""
    codes = batch_codes(problem, config.batch, "readouts.decoded.batch")
    each = fitted.minibatches(problem.scored_rows)
    parts = [_of_cells(fitted, cells, codes, config.n_samples) for cells in each]
    return {"decoded_expression": np.concatenate(parts)}


def _of_cells(
    fitted: FittedVariant[VariantModule],
    cells: Minibatch,
    codes: Sequence[int | None],
    n_samples: int,
) -> NDArray[np.float32]:
    posterior = fitted.module.infer(cells)

    def at_noise(noise: Mapping[str, Tensor]) -> Tensor:
        latents = at_draw(posterior, noise)
        each = [shares(fitted.module, latents, cells, code) for code in codes]
        return sum(each[1:], each[0]) / len(each)

    draws = fitted.over_draws(at_noise, len(cells["observed"]), n_samples)
    return draws.mean(0).float().cpu().numpy()


READOUT = Readout(
    label="Decoded expression",
    config=DecodedConfig,
    of="counts",
    arrays=frozenset({"decoded_expression"}),
    of_variant=of_variant,
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2",
)
