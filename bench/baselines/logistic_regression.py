"""Logistic regression on log counts, fitted to the labelled cells.

    p_i = softmax(W y_i + b)        min over W, b of  -sum_n log p_n,c(n) + |W|^2 / (2 strength)

y: log counts, see ``parts.counts.log_counts``; genes are not standardised.  It does not use cells
with hidden labels.  The ``logistic`` views of the metrics for the baseline ``pca`` are the same
model on principal components.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem
from bench.parts.counts.labelled import MAX_ITERATIONS, probabilities
from bench.parts.counts.log_counts import logs_of


@dataclass(frozen=True, kw_only=True)
class LogisticRegressionConfig:
    """Strength of the penalty."""

    strength: Annotated[float, Gt(0)] = 1.0
    """Weight of the loss relative to the penalty (scikit-learn's C)."""


def fit(
    problem: Problem, config: LogisticRegressionConfig, rng: np.random.Generator
) -> FittedBaseline:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=config.strength, max_iter=MAX_ITERATIONS)
    found = probabilities(model, logs_of(problem), problem.labels[KNOWN_TYPE])
    n_parameters = model.coef_.size + model.intercept_.size
    return FittedBaseline(functions={"classes": by_cell(found)}, n_parameters=n_parameters)


BASELINE = Baseline(
    label="logistic regression",
    config=LogisticRegressionConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes"}),
    deterministic=True,
    role="competitor",
    reference="common practice; scikit-learn",
)
