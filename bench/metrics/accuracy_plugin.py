"""Share of the cells with a hidden label whose most probable type is the true one.

    (1/N) #{i: argmax_c p_ic = true_i}

The type is read at the mean of the latent's posterior, not averaged over draws of it: what most
papers report.  Blind to how wide that posterior is; otherwise as ``accuracy``.
"""

from typing import Any

from numpy.typing import NDArray

from bench.core.metric import Metric
from bench.parts.scoring.classification import accuracy, judged


def score(
    *,
    class_probability_plugin: NDArray[Any],
    known_type: NDArray[Any],
    true_type: NDArray[Any],
) -> float:
    return accuracy(judged(class_probability_plugin, known_type, true_type))


METRIC = Metric(
    label="accuracy, plug-in",
    score=score,
    needs=frozenset({"class_probability_plugin", "known_type", "true_type"}),
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of cells",
    reference="metric of every classifier; Xu et al. 2021, doi:10.15252/msb.20209620",
)
