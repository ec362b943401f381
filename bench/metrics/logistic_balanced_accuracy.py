"""Share of a type's cells that are found, every type alike.

    mean over true types c of  #{i: argmax_k p_ik = true_i = c} / #{i: true_i = c}

The probabilities are a logistic regression's, fitted to the latent of labelled cells: a probe that
every model with a latent can be put to, see ``bench/parts/scoring/probes.py``.
Otherwise as ``balanced_accuracy``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import balanced_accuracy, judged


def score(
    *,
    logistic_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return balanced_accuracy(judged(logistic_probability, known_type, true_type))


METRIC = Metric(
    label="logistic balanced accuracy",
    score=score,
    needs=frozenset({"logistic_probability", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells, mean over types",
    reference="Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",
)
