"""Probabilities of the known types for every scored cell.

    sampled   p_ic = (1/S) sum_s softmax(logits(z_is))_c       z_is ~ q(z | x_i)
    plug-in   p_ic = softmax(logits(z_i))_c                     z_i: the mean of q, or for a flow T
                                                                on a Gaussian, T of the mean of the
                                                                Gaussian

Known types are the types of labelled cells, in alphabetical order.  The model receives no labels:
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
    """Estimation of the expectation over the latent."""

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
    """The probabilities of a baseline for the scored cells, under both names."""
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
