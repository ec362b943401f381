"""Of which known type every scored cell is, as probabilities.

    sampled   p_ic = (1/S) sum_s softmax(logits(z_is))_c       z_is ~ q(z | x_i)
    plug-in   p_ic = softmax(logits(z_i))_c                     z_i: the mean of q, or where q is a
                                                                Gaussian pushed through a flow T,
                                                                T of the Gaussian's mean

Types are those that some cell is known to be of, in alphabetical order.  No cell's label is given:
labelled cells are predicted like all others.  A baseline has one prediction, under both names.
Source: Kingma et al. 2014, arXiv 1406.5298 (q(y | z)); Xu et al. 2021, doi:10.15252/msb.20209620.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.variant import ClassifierModule, Minibatch
from bench.parts.nn.latents import at_draw, at_mean

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ClassProbabilityConfig:
    """How the expectation over the latent is estimated."""

    n_samples: Annotated[int, Ge(1)] = 25
    """Draws of the latent S."""


def of_variant(
    fitted: FittedVariant[ClassifierModule], problem: Problem, config: ClassProbabilityConfig
) -> Arrays:
    """``class_probability`` and ``class_probability_plugin``: (scored, known type)."""
    parts = [_of_cells(fitted, cells, config) for cells in fitted.minibatches(problem.scored_rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _of_cells(
    fitted: FittedVariant[ClassifierModule], cells: Minibatch, config: ClassProbabilityConfig
) -> Arrays:
    module = fitted.module
    posterior = module.infer(cells)
    n_cells = len(next(iter(cells.values())))
    samples = fitted.over_draws(
        lambda noise: module.classify(at_draw(posterior, noise), cells).softmax(-1),
        n_cells,
        config.n_samples,
    )
    plugin = module.classify(at_mean(posterior), cells).softmax(-1)
    return {
        "class_probability": _array(samples.mean(0)),
        "class_probability_plugin": _array(plugin),
    }


def _array(probability: Tensor) -> NDArray[np.float32]:
    return probability.float().cpu().numpy()


def of_baseline(fitted: FittedBaseline, problem: Problem, config: ClassProbabilityConfig) -> Arrays:
    """The baseline's probabilities of the scored cells, under both names."""
    mine = fitted.answer("classes")(problem.scored_rows).astype(np.float32)
    return {"class_probability": mine, "class_probability_plugin": mine}


READOUT = Readout(
    label="Probability of each type",
    config=ClassProbabilityConfig,
    of="classes",
    arrays=frozenset({"class_probability", "class_probability_plugin"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="Kingma et al. 2014, arXiv 1406.5298",
)
