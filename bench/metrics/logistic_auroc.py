"""How well a type's probability ranks its own cells before all others.

    mean over types c of  P(p_ic > p_jc) + P(p_ic = p_jc) / 2,   i of type c, j of another

The probabilities are a logistic regression's, fitted to the latent of labelled cells: a probe that
every model with a latent can be put to, see ``bench/parts/scoring/probes.py``.
Otherwise as ``auroc``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import auroc, judged


def score(
    *,
    logistic_probability: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return auroc(judged(logistic_probability, known_type, true_type))


METRIC = Metric(
    label="logistic AUROC",
    score=score,
    needs=frozenset({"logistic_probability", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of pairs of cells",
    reference="Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747",
)
