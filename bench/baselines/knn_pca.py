"""Votes of the nearest labelled cells in principal components of log counts.

    p_ic = sum of 1/d_in over those n of the k nearest labelled cells that are of type c,
           over the same sum for all types

Components are those of all training and validation cells, labelled or not; held-out cells are
projected.  Components are not standardised, so that those with large variance dominate.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem
from bench.parts.counts.labelled import voters
from bench.parts.counts.log_counts import embedded


@dataclass(frozen=True, kw_only=True)
class KNNPCAConfig:
    """Numbers of components and of neighbours."""

    n_components: Annotated[int, Ge(1)] = 50
    n_neighbours: Annotated[int, Ge(1)] = 5


def fit(problem: Problem, config: KNNPCAConfig, rng: np.random.Generator) -> FittedBaseline:
    points = embedded(problem, config.n_components, rng)
    votes = voters(points, problem.labels[KNOWN_TYPE], config.n_neighbours)
    return FittedBaseline(functions={"latent": by_cell(points), "classes": by_cell(votes)})


BASELINE = Baseline(
    label="k-NN on PCA",
    config=KNNPCAConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes", "latent"}),
    deterministic=False,
    role="competitor",
    reference="common practice, as in Luecken and Theis 2019, doi:10.15252/msb.20188746",
)
