"""Labels spread along the graph of nearest neighbours, through cells whose label is hidden.

    F <- clamping S F + (1 - clamping) Y        until it moves no more; p_i = F_i / sum_c F_ic

Y: (cell, type) one where a label is told; S: the graph of the nearest neighbours among principal
components of log counts, degrees taken out on both sides.  The labelled and the hidden cells that
may be fitted make the graph; a held-out cell takes the mean of its nearest ones.  A cell that no
label reaches may be of every type alike.
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
    """The graph, and how far labels go."""

    n_components: Annotated[int, Ge(1)] = 50
    n_neighbours: Annotated[int, Ge(1)] = 15
    """Of each cell, itself among them."""
    clamping: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of a cell's label that its neighbours give (scikit-learn's alpha)."""


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
