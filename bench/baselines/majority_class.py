"""The most frequent known type, for every cell: p_ic is the share of type c among labelled cells.

The floor of classification.  If all types have equally many labels (``per_class``), all shares are
equal and the prediction is the first type in alphabetical order.  Its balanced accuracy is always
one over the number of types, and its log loss the entropy of the labels.
"""

from dataclasses import dataclass

import numpy as np

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem


@dataclass(frozen=True, kw_only=True)
class MajorityClassConfig:
    """No parameters."""


def fit(problem: Problem, config: MajorityClassConfig, rng: np.random.Generator) -> FittedBaseline:
    known = problem.labels[KNOWN_TYPE]
    counted = np.unique(known[known != ""], return_counts=True)[1]
    shares = np.tile(counted / counted.sum(), (len(known), 1))
    return FittedBaseline(functions={"classes": by_cell(shares)}, n_parameters=len(counted) - 1)


BASELINE = Baseline(
    label="majority class",
    config=MajorityClassConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes"}),
    deterministic=True,
    role="floor",
    reference="a control of this suite",
)
