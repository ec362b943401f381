"""Linear support vector machines on log counts, one type versus the others.

    m_ic = w_c y_i + b_c      min over w, b of  |w_c|^2 / 2 + strength sum_n max(0, 1 -+ m_nc)^2
    p_i = softmax(m_i / T)    T: maximum likelihood for cross-validated margins

y: log counts, see ``parts.counts.log_counts``.  Temperature scaling by T converts margins to
probabilities without a change of the order of types.  T comes from cross-validation on the labelled
cells in five parts, or as many as the smallest type has labels; for one label, T = 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bench.core.baseline import Baseline, FittedBaseline, by_cell
from bench.core.dataset import KNOWN_TYPE
from bench.core.problem import Problem
from bench.parts.counts.log_counts import logs_of

if TYPE_CHECKING:
    from sklearn.svm import LinearSVC

N_PARTS = 5
MAX_ITERATIONS = 100_000
COLDEST, HOTTEST = 1e-3, 1e3


@dataclass(frozen=True, kw_only=True)
class LinearSVMConfig:
    """Strength of the penalty."""

    strength: Annotated[float, Gt(0)] = 1.0
    """Weight of the loss relative to the penalty (scikit-learn's C)."""


def fit(problem: Problem, config: LinearSVMConfig, rng: np.random.Generator) -> FittedBaseline:
    from sklearn.svm import LinearSVC

    logs, known = logs_of(problem), problem.labels[KNOWN_TYPE]
    labelled = known != ""
    machine = LinearSVC(
        C=config.strength, max_iter=MAX_ITERATIONS, random_state=int(rng.integers(2**31))
    )
    heat = temperature(machine, logs[labelled], known[labelled])
    margins = of_every_type(machine.fit(logs[labelled], known[labelled]).decision_function(logs))
    return FittedBaseline(
        functions={"classes": by_cell(softmax(margins / heat, 1))},
        n_parameters=machine.coef_.size + machine.intercept_.size + 1,
    )


def temperature(machine: "LinearSVC", logs: Any, kinds: NDArray[np.str_]) -> float:
    """The T with the maximum likelihood of the labels in cross-validation."""
    from sklearn.model_selection import cross_val_predict

    codes, counted = np.unique(kinds, return_inverse=True, return_counts=True)[1:]
    n_parts = min(N_PARTS, counted.min())
    if n_parts < 2:
        return 1.0
    left_out = cross_val_predict(machine, logs, codes, cv=n_parts, method="decision_function")
    margins = of_every_type(left_out)

    def loss(log_heat: float) -> float:
        logits = log_softmax(margins * np.exp(-log_heat), 1)
        return float(-logits[np.arange(len(codes)), codes].mean())

    bounds = np.log([COLDEST, HOTTEST])
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def of_every_type(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cell, type) margins; for two types scikit-learn returns only those of the second."""
    return margins if margins.ndim == 2 else np.stack([-margins, margins], 1) / 2


BASELINE = Baseline(
    label="linear SVM",
    config=LinearSVMConfig,
    fit=fit,
    needs=frozenset({"counts", "known_type"}),
    can=frozenset({"classes"}),
    deterministic=False,
    role="competitor",
    reference="Abdelaal et al. 2019, doi:10.1186/s13059-019-1795-z; scaled as in arXiv 1706.04599",
)
