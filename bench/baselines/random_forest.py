"""A random forest on log counts, fitted to the labelled cells.

Every tree uses a bootstrap sample of the labelled cells, and each split the square root of the
number of genes; p_ic is the mean over trees of the share of type c in the leaf of cell i.  y: log
counts, see ``parts.counts.log_counts``.  It does not use unlabelled cells.  With few labels its
probabilities are underconfident, so compare its log loss together with its accuracy.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem
from bench.parts.counts.labelled import probabilities
from bench.parts.counts.log_counts import logs_of


@dataclass(frozen=True, kw_only=True)
class RandomForestConfig:
    """Number of trees."""

    n_trees: Annotated[int, Ge(1)] = 500


def fit(problem: Problem, config: RandomForestConfig, rng: np.random.Generator) -> FittedBaseline:
    from sklearn.ensemble import RandomForestClassifier

    seed = int(rng.integers(2**31))
    forest = RandomForestClassifier(config.n_trees, random_state=seed, n_jobs=1)
    found = probabilities(forest, logs_of(problem), problem.labels[KNOWN_TYPE])
    n_nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    return FittedBaseline(functions={"classes": by_cell(found)}, n_parameters=n_nodes)


BASELINE = Baseline(
    label="random forest",
    config=RandomForestConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes"}),
    deterministic=False,
    role="competitor",
    reference="Breiman 2001, doi:10.1023/A:1010933404324; scikit-learn",
)
