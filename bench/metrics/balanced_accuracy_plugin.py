"""Share of a type's cells that are found, every type alike.

    mean over true types c of  #{i: argmax_k p_ik = true_i = c} / #{i: true_i = c}

The type is read at the mean of the latent's posterior, not averaged over draws of it: what most
papers report.  Blind to how wide that posterior is; otherwise as ``balanced_accuracy``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import balanced_accuracy, judged


def score(
    *,
    class_probability_plugin: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return balanced_accuracy(judged(class_probability_plugin, known_type, true_type))


METRIC = Metric(
    label="balanced accuracy, plug-in",
    score=score,
    needs=frozenset({"class_probability_plugin", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells, mean over types",
    reference="Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",
)
