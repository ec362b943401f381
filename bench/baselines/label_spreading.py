"""Label spreading on the graph of nearest neighbours, including unlabelled cells.

    F <- clamping S F + (1 - clamping) Y        until convergence; p_i = F_i / sum_c F_ic

Y: (cell, type) one-hot codes of labelled cells; S: the graph of the nearest neighbours in principal
components of log counts, normalised by degrees on both sides.  The graph contains the labelled and
unlabelled training and validation cells; a held-out cell gets the mean of its nearest neighbours.
A cell without a path to a label has equal probabilities for all types.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import TEST, Problem
from bench.parts.counts.labelled import known_codes
from bench.parts.counts.log_counts import embedded

MAX_ITERATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class LabelSpreadingConfig:
    """Parameters of the graph and of the spreading."""

    n_components: Annotated[int, Ge(1)] = 50
    n_neighbours: Annotated[int, Ge(1)] = 15
    """Neighbours per cell, including the cell itself."""
    clamping: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Weight of the neighbours in the label of a cell (scikit-learn's alpha)."""


def fit(problem: Problem, config: LabelSpreadingConfig, rng: np.random.Generator) -> FittedBaseline:
    from sklearn.semi_supervised import LabelSpreading

    points, fitting = embedded(problem, config.n_components, rng), problem.fitting_rows()
    codes = known_codes(problem.labels[KNOWN_TYPE])
    spreading = LabelSpreading(
        kernel="knn",
        n_neighbors=min(config.n_neighbours, len(fitting)),
        alpha=config.clamping,
        max_iter=MAX_ITERATIONS,
    ).fit(points[fitting], codes[fitting])
    reached = spreading.label_distributions_
    reached[reached.sum(1) == 0] = 1 / reached.shape[1]
    found = np.empty((len(codes), reached.shape[1]))
    found[fitting] = reached
    if len(held_out := problem.rows(TEST)):
        found[held_out] = spreading.predict_proba(points[held_out])
    return FittedBaseline(functions={"classes": by_cell(found)})


BASELINE = Baseline(
    label="label spreading",
    config=LabelSpreadingConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes"}),
    deterministic=False,
    role="competitor",
    reference="Zhou et al. 2004, NeurIPS 16; scikit-learn",
)
